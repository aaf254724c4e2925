#include "vmm/guest/guest_record.h"

#include <gtest/gtest.h>

#include "sys/file.h"

namespace inro::vmm {
namespace {

GuestRecord Sample() {
  GuestRecord record;
  record.name = "web";
  record.artifact = "/a path/with spaces.initrd";
  record.form = "initrd";
  record.init = "inro";
  record.memory_mib = 512;
  record.cpus = 2;
  record.vsock = VsockMode::kKernel;
  record.cid = 70'000;
  record.owner_pid = 10;
  record.supervisor_pid = 11;
  record.qemu_pid = 12;
  record.started = std::chrono::nanoseconds(123'456'789'012);
  record.started_at = 1'700'000'000;
  record.ready_ms = 812.5;
  return record;
}

TEST(GuestRecord, ComesBackAsItWasWritten) {
  const auto read = ParseGuestRecord(Encode(Sample()));
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  EXPECT_EQ(*read, Sample());
}

TEST(GuestRecord, ANewlineInAPathIsNoNewKey) {
  GuestRecord record = Sample();
  record.artifact = "/a\nqemu-pid 1";
  const auto read = ParseGuestRecord(Encode(record));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->qemu_pid, 12);
  EXPECT_EQ(read->artifact, "/a qemu-pid 1");
}

TEST(GuestRecord, UnknownKeysAreSkippedAndBadNumbersSaid) {
  EXPECT_EQ(ParseGuestRecord("colour blue\nname x\n")->name, "x");
  EXPECT_EQ(ParseGuestRecord("").value(), GuestRecord());
  for (const char* bad : {"qemu-pid x\n", "cid -1\n", "vsock tin-can\n", "started-ns\n"}) {
    const auto read = ParseGuestRecord(bad);
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().kind(), ErrorKind::kBadInput);
  }
}

TEST(GuestRecord, InARunFolder) {
  const auto dir = sys::TempDir::Create("inro-record");
  ASSERT_TRUE(dir.has_value());
  const RunPaths paths{dir->path()};
  EXPECT_EQ(ReadGuestRecord(paths).error().kind(), ErrorKind::kNotFound);
  ASSERT_TRUE(WriteGuestRecord(paths, Sample()).has_value());
  EXPECT_EQ(ReadGuestRecord(paths).value(), Sample());
}

}  // namespace
}  // namespace inro::vmm
