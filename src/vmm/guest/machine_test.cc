#include "vmm/guest/machine.h"

#include <gtest/gtest.h>

#include "vmm/guest/host.h"

namespace inro::vmm {
namespace {

const RunPaths kPaths{"/run/g"};

MachineConfig Base() {
  MachineConfig config;
  config.kernel = "/boot/vmlinuz";
  config.accel = Accel::kTcg;
  return config;
}

// A word a line, options and their values on one line: easy to read in a difference.
std::string Text(const MachineConfig& config) {
  const auto words = QemuCommand(config, kPaths);
  if (!words) return "error: " + words.error().ToString();
  std::string text;
  for (const auto& word : *words) {
    if (!text.empty()) text += word.front() == '-' ? '\n' : ' ';
    text += word;
  }
  return text;
}

TEST(QemuCommand, InitrdWithInrosVsockDevice) {
  MachineConfig config = Base();
  config.initrd = "/x/a.initrd";
  config.command_line = {"console=ttyS0", "panic=-1"};
  EXPECT_EQ(Text(config), R"(qemu-system-x86_64
-nodefaults
-no-user-config
-display none
-no-reboot
-machine q35,accel=tcg,memory-backend=mem,usb=off,sata=off,smbus=off,vmport=off
-cpu max,erms=off,fsrm=off
-smp 2
-object memory-backend-memfd,id=mem,size=1024M,share=on
-m 1024M
-kernel /boot/vmlinuz
-initrd /x/a.initrd
-append console=ttyS0 panic=-1
-chardev socket,id=console,path=/run/g/console.sock,server=on,wait=off,logfile=/run/g/console.log
-serial chardev:console
-qmp unix:/run/g/qmp.sock,server=on,wait=off
-device virtio-rng-pci
-chardev socket,id=vsock,path=/run/g/vhost.sock
-device vhost-user-vsock-pci,chardev=vsock
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny)");
}

TEST(QemuCommand, ImageOnNvmeWithKvmAndTheKernelsVsock) {
  MachineConfig config = Base();
  config.accel = Accel::kKvm;
  config.vsock = VsockMode::kKernel;
  config.guest_cid = 42;
  config.cpus = 4;
  config.memory_mib = 512;
  config.image = Disk{.path = "/x/a,b.img"};
  config.disks = {
      {.path = "/data", .readonly = false, .serial = "data", .attach = DiskAttach::kVirtioBlk}};
  config.qemu_args = {"-device", "pvpanic"};
  EXPECT_EQ(Text(config), R"(qemu-system-x86_64
-nodefaults
-no-user-config
-display none
-no-reboot
-machine q35,accel=kvm,memory-backend=mem,usb=off,sata=off,smbus=off,vmport=off
-cpu host
-smp 4
-object memory-backend-memfd,id=mem,size=512M,share=on
-m 512M
-kernel /boot/vmlinuz
-chardev socket,id=console,path=/run/g/console.sock,server=on,wait=off,logfile=/run/g/console.log
-serial chardev:console
-qmp unix:/run/g/qmp.sock,server=on,wait=off
-device virtio-rng-pci
-device vhost-vsock-pci,guest-cid=42
-drive if=none,id=disk0,file=/x/a,,b.img,format=raw,readonly=on
-device nvme,drive=disk0,serial=inro-disk0
-drive if=none,id=disk1,file=/data,format=raw,readonly=off
-device virtio-blk-pci,drive=disk1,serial=data
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
-device pvpanic)");
}

TEST(QemuCommand, NvdimmGetsAddressSpaceAndIsReadOnly) {
  MachineConfig config = Base();
  config.image = Disk{.path = "/x/a.img", .attach = DiskAttach::kNvdimm, .bytes = 128 << 20};
  const std::string text = Text(config);
  EXPECT_NE(text.find("vmport=off,nvdimm=on\n"), std::string::npos) << text;
  EXPECT_NE(text.find("-m 1024M,slots=1,maxmem=1280M\n"), std::string::npos) << text;
  EXPECT_NE(
      text.find("-object memory-backend-file,id=disk0,mem-path=/x/a.img,size=134217728,"
                "share=off,readonly=on\n-device nvdimm,id=nv-disk0,memdev=disk0,unarmed=on\n"),
      std::string::npos)
      << text;
  config.image->bytes = 0;
  EXPECT_EQ(Text(config).substr(0, 6), "error:");
}

TEST(QemuCommand, ValuesOutOfRangeAreBadInput) {
  const auto fails = [](auto change) {
    MachineConfig config = Base();
    change(config);
    const auto words = QemuCommand(config, kPaths);
    return !words && words.error().kind() == ErrorKind::kBadInput;
  };
  EXPECT_TRUE(fails([](MachineConfig& config) { config.kernel.clear(); }));
  EXPECT_TRUE(fails([](MachineConfig& config) { config.memory_mib = 63; }));
  EXPECT_TRUE(fails([](MachineConfig& config) { config.cpus = 0; }));
  EXPECT_TRUE(fails([](MachineConfig& config) { config.cpus = 256; }));
  EXPECT_TRUE(fails([](MachineConfig& config) { config.guest_cid = 2; }));
  EXPECT_TRUE(fails([](MachineConfig& config) { config.accel = Accel::kAuto; }));
  EXPECT_FALSE(fails([](MachineConfig&) {}));
}

TEST(Words, AreReadBackAndUnknownOnesNameTheChoices) {
  for (const Accel accel : {Accel::kAuto, Accel::kKvm, Accel::kTcg}) {
    EXPECT_EQ(ParseAccel(Word(accel)).value(), accel);
  }
  for (const auto attach : {DiskAttach::kNvme, DiskAttach::kVirtioBlk, DiskAttach::kNvdimm}) {
    EXPECT_EQ(ParseDiskAttach(Word(attach)).value(), attach);
  }
  EXPECT_EQ(ParseVsockMode("kernel").value(), VsockMode::kKernel);
  EXPECT_EQ(ParseAccel("hvf").error().ToString(),
            "\"hvf\" is no accelerator; it is one of: auto, kvm, tcg");
}

TEST(ShellQuote, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(ShellQuote({"a-b=c", "two words", "it's", ""}), "a-b=c 'two words' 'it'\\''s' ''");
}

TEST(BaseCommandLine, VerboseShowsTheKernelsMessages) {
  const auto plain = BaseCommandLine(false);
  const auto verbose = BaseCommandLine(true);
  EXPECT_EQ(plain.back(), "loglevel=6");
  EXPECT_EQ(verbose.size() + 1, plain.size());
  EXPECT_EQ(verbose.front(), "console=ttyS0");
}

TEST(Host, VirtualizationIsAWholeWordAmongTheFlags) {
  EXPECT_TRUE(CpuHasVirtualization("processor\t: 0\nflags\t\t: fpu vmx sse\nbugs\t: x\n"));
  EXPECT_TRUE(CpuHasVirtualization("processor\t: 0\nflags\t\t: fpu svm\n"));
  EXPECT_FALSE(CpuHasVirtualization("processor\t: 0\nflags\t\t: fpu svm_lock vmxx\nbugs : svm\n"));
  EXPECT_FALSE(CpuHasVirtualization(""));
}

TEST(Host, MissingAndEmptyFilesAreBadInputThatNamesThem) {
  MachineConfig config = Base();
  config.kernel = "/nonexistent/vmlinuz";
  const auto resolved = ResolveMachine(config);
  ASSERT_FALSE(resolved.has_value());
  EXPECT_EQ(resolved.error().kind(), ErrorKind::kBadInput);
  EXPECT_EQ(resolved.error().ToString(), "kernel /nonexistent/vmlinuz: No such file or directory");
  config.kernel = "/dev";
  EXPECT_EQ(ResolveMachine(config).error().ToString(), "kernel /dev: not a file");
}

}  // namespace
}  // namespace inro::vmm
