#include "guest/sandbox/device_filter.h"

#include <fnmatch.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/unique_fd.h"
#include "unit/text.h"

namespace inro::guest::sandbox {
namespace {

constexpr std::uint8_t kAll = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

std::uint8_t ParseAccess(std::string_view text) {
  std::uint8_t access = 0;
  for (const char c : text) {
    if (c == 'r') access |= BPF_DEVCG_ACC_READ;
    if (c == 'w') access |= BPF_DEVCG_ACC_WRITE;
    if (c == 'm') access |= BPF_DEVCG_ACC_MKNOD;
  }
  return text.empty() ? kAll : access;
}

// The majors of drivers whose name fits, from the right section of /proc/devices.
void AddDrivers(std::string_view devices, bool block, const std::string& pattern,
                std::uint8_t access, std::vector<DeviceMatch>& matches) {
  if (pattern == "*") {
    matches.push_back({block, std::nullopt, std::nullopt, access});
    return;
  }
  bool in_block = false;
  while (!devices.empty()) {
    const std::size_t end = devices.find('\n');
    const std::string_view line = devices.substr(0, end);
    devices.remove_prefix(end == std::string_view::npos ? devices.size() : end + 1);
    if (line.starts_with("Block")) in_block = true;
    const auto words = unit::SplitWords(line);
    if (words.size() != 2 || in_block != block) continue;
    const auto major = unit::ParseNumber<unsigned>(words[0]);
    if (!major || ::fnmatch(pattern.c_str(), std::string(words[1]).c_str(), 0) != 0) continue;
    matches.push_back({block, *major, std::nullopt, access});
  }
}

void AddRule(const unit::DeviceRule& rule, std::string_view devices,
             std::vector<DeviceMatch>& matches) {
  const std::uint8_t access = ParseAccess(rule.access);
  for (const auto& [prefix, block] : {std::pair{"char-", false}, std::pair{"block-", true}}) {
    if (rule.device.starts_with(prefix)) {
      return AddDrivers(devices, block, rule.device.substr(std::strlen(prefix)), access, matches);
    }
  }
  struct stat info{};
  if (::stat(rule.device.c_str(), &info) != 0) return;
  if (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode)) return;
  matches.push_back({S_ISBLK(info.st_mode), major(info.st_rdev), minor(info.st_rdev), access});
}

bpf_insn Instruction(int code, int target, int source, int offset, int immediate) {
  bpf_insn instruction{};
  instruction.code = static_cast<std::uint8_t>(code);
  instruction.dst_reg = static_cast<std::uint8_t>(target) & 15U;
  instruction.src_reg = static_cast<std::uint8_t>(source) & 15U;
  instruction.off = static_cast<std::int16_t>(offset);
  instruction.imm = immediate;
  return instruction;
}
bpf_insn LoadWord(int target, std::size_t offset) {
  return Instruction(BPF_LDX | BPF_MEM | BPF_W, target, BPF_REG_1, static_cast<int>(offset), 0);
}
bpf_insn Compute(int operation, int target, int immediate) {
  return Instruction(BPF_ALU | operation | BPF_K, target, 0, 0, immediate);
}
bpf_insn SkipUnlessEqual(int reg, unsigned value, std::size_t count) {
  return Instruction(BPF_JMP | BPF_JNE | BPF_K, reg, 0, static_cast<int>(count),
                     static_cast<int>(value));
}

void AppendAnswer(bool yes, std::vector<bpf_insn>& program) {
  program.push_back(Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, yes ? 1 : 0));
  program.push_back(Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

}  // namespace

bool NeedsDeviceFilter(const unit::ResourceSettings& resources) {
  return resources.device_policy != unit::DevicePolicy::kAuto || !resources.devices.empty();
}

std::vector<DeviceMatch> ResolveDevices(const unit::ResourceSettings& resources,
                                        std::string_view devices) {
  std::vector<DeviceMatch> matches;
  if (resources.device_policy != unit::DevicePolicy::kStrict) {
    // null, zero, full, random, urandom; tty and ptmx; all terminals of devpts.
    for (const unsigned minor : {3U, 5U, 7U, 8U, 9U}) matches.push_back({false, 1, minor, kAll});
    for (const unsigned minor : {0U, 2U}) matches.push_back({false, 5, minor, kAll});
    for (unsigned major = 136; major < 144; ++major) {
      matches.push_back({false, major, std::nullopt, kAll});
    }
  }
  for (const unit::DeviceRule& rule : resources.devices) AddRule(rule, devices, matches);
  return matches;
}

std::vector<bpf_insn> DeviceProgram(const std::vector<DeviceMatch>& matches) {
  constexpr int kType = BPF_REG_2;
  constexpr int kAccess = BPF_REG_3;
  constexpr int kMajor = BPF_REG_4;
  constexpr int kMinor = BPF_REG_5;
  constexpr int kScratch = BPF_REG_0;
  std::vector<bpf_insn> program{
      LoadWord(kType, offsetof(bpf_cgroup_dev_ctx, access_type)),
      LoadWord(kAccess, offsetof(bpf_cgroup_dev_ctx, access_type)),
      LoadWord(kMajor, offsetof(bpf_cgroup_dev_ctx, major)),
      LoadWord(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)),
      Compute(BPF_AND, kType, 0xffff),
      Compute(BPF_RSH, kAccess, 16),
  };
  for (const DeviceMatch& match : matches) {
    std::vector<bpf_insn> tail{
        Instruction(BPF_ALU64 | BPF_MOV | BPF_X, kScratch, kAccess, 0, 0),
        Compute(BPF_AND, kScratch, ~static_cast<int>(match.access)),
        SkipUnlessEqual(kScratch, 0, 2),
    };
    AppendAnswer(true, tail);
    const auto before = [&](int reg, unsigned value) {
      tail.insert(tail.begin(), SkipUnlessEqual(reg, value, tail.size()));
    };
    if (match.minor) before(kMinor, *match.minor);
    if (match.major) before(kMajor, *match.major);
    before(kType, match.block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    program.insert(program.end(), tail.begin(), tail.end());
  }
  AppendAnswer(false, program);
  return program;
}

Result<> AttachDeviceProgram(int cgroup, const std::vector<bpf_insn>& program) {
  static constexpr char kLicense[] = "GPL";
  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<std::uintptr_t>(program.data());
  load.insn_cnt = static_cast<std::uint32_t>(program.size());
  load.license = reinterpret_cast<std::uintptr_t>(kLicense);
  const UniqueFd loaded(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof load)));
  if (!loaded) return FailErrno("load the device filter");
  bpf_attr attach{};
  attach.target_fd = static_cast<std::uint32_t>(cgroup);
  attach.attach_bpf_fd = static_cast<std::uint32_t>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (::syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) != 0) {
    return FailErrno("attach the device filter");
  }
  return {};
}

}  // namespace inro::guest::sandbox
