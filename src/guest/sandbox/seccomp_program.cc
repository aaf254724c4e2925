#include "guest/sandbox/seccomp_program.h"

#include <linux/seccomp.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <utility>

namespace inro::guest::sandbox {
namespace {

constexpr std::uint32_t kNumberOffset = offsetof(seccomp_data, nr);
constexpr std::uint32_t kArchitectureOffset = offsetof(seccomp_data, arch);

std::uint32_t LowHalfOffset(unsigned argument) {
  static_assert(std::endian::native == std::endian::little);
  return static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                    argument * sizeof(std::uint64_t));
}

sock_filter Load(std::uint32_t offset) { return {BPF_LD | BPF_W | BPF_ABS, 0, 0, offset}; }
sock_filter Return(SeccompAction action) { return {BPF_RET | BPF_K, 0, 0, action}; }
sock_filter And(std::uint32_t mask) { return {BPF_ALU | BPF_AND | BPF_K, 0, 0, mask}; }
sock_filter Skip(std::uint32_t count) { return {BPF_JMP | BPF_JA, 0, 0, count}; }
sock_filter Jump(std::uint16_t condition, std::uint32_t value, std::uint8_t if_true,
                 std::uint8_t if_false) {
  return {static_cast<std::uint16_t>(BPF_JMP | condition | BPF_K), if_true, if_false, value};
}

// One section for each architecture; each section returns on all its paths. Calls of an
// architecture without a section pass: which may run at all is ArchitecturesProgram's business.
SeccompProgram Join(const std::function<SeccompProgram(const Architecture&)>& section_of) {
  SeccompProgram program{Load(kArchitectureOffset)};
  for (const Architecture& architecture : Architectures()) {
    SeccompProgram section{Load(kNumberOffset)};
    if (architecture.foreign_bit) {
      // What a kernel without that ABI says; one with it must not be a way around the rules.
      section.push_back(Jump(BPF_JSET, *architecture.foreign_bit, 0, 1));
      section.push_back(Return(FailCall(ENOSYS)));
    }
    const SeccompProgram body = section_of(architecture);
    section.insert(section.end(), body.begin(), body.end());
    program.push_back(Jump(BPF_JEQ, architecture.audit, 1, 0));
    program.push_back(Skip(static_cast<std::uint32_t>(section.size())));
    program.insert(program.end(), section.begin(), section.end());
  }
  program.push_back(Return(AllowCall()));
  return program;
}

// With the number loaded before and after, unless it returns.
void AppendRule(const SeccompRule& rule, std::uint32_t number, SeccompProgram& program) {
  SeccompProgram body;
  // Backwards: each test knows how far it is to the end.
  body.push_back(Return(rule.action));
  for (auto test = rule.tests.rbegin(); test != rule.tests.rend(); ++test) {
    const auto over = static_cast<std::uint8_t>(body.size());
    switch (test->kind) {
      case ArgumentTest::Kind::kEqual:
        body.insert(body.begin(), Jump(BPF_JEQ, test->value, 0, over));
        break;
      case ArgumentTest::Kind::kAnyBit:
        body.insert(body.begin(), Jump(BPF_JSET, test->value, 0, over));
        break;
      case ArgumentTest::Kind::kAllBits:
        body.insert(body.begin(), {And(test->value), Jump(BPF_JEQ, test->value, 0, over)});
        break;
    }
    body.insert(body.begin(), Load(LowHalfOffset(test->argument)));
  }
  if (!rule.tests.empty()) body.push_back(Load(kNumberOffset));
  program.push_back(Jump(BPF_JEQ, number, 0, static_cast<std::uint8_t>(body.size())));
  program.insert(program.end(), body.begin(), body.end());
}

}  // namespace

SeccompAction AllowCall() { return SECCOMP_RET_ALLOW; }
SeccompAction KillProcess() { return SECCOMP_RET_KILL_PROCESS; }
SeccompAction FailCall(int error) {
  return SECCOMP_RET_ERRNO | (static_cast<std::uint32_t>(error) & SECCOMP_RET_DATA);
}

SeccompProgram RulesProgram(const std::vector<SeccompRule>& rules) {
  return Join([&](const Architecture& architecture) {
    SeccompProgram section;
    for (const SeccompRule& rule : rules) {
      const std::int16_t number = NumberOf(architecture, rule.call);
      if (number == kNoCall) continue;
      AppendRule(rule, static_cast<std::uint32_t>(number), section);
    }
    section.push_back(Return(AllowCall()));
    return section;
  });
}

SeccompProgram ActionsProgram(const std::vector<SeccompAction>& actions, SeccompAction between,
                              SeccompAction above) {
  return Join([&](const Architecture& architecture) {
    std::vector<SeccompAction> by_number;
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const std::int16_t number = architecture.numbers[i];
      if (number == kNoCall) continue;
      const auto at = static_cast<std::size_t>(number);
      if (at >= by_number.size()) by_number.resize(at + 1, between);
      by_number[at] = actions[i];
    }
    by_number.push_back(above);
    // Runs of numbers with one action: "below the next run: return".
    SeccompProgram section;
    for (std::size_t i = 1; i < by_number.size(); ++i) {
      if (by_number[i] == by_number[i - 1]) continue;
      section.push_back(Jump(BPF_JGE, static_cast<std::uint32_t>(i), 1, 0));
      section.push_back(Return(by_number[i - 1]));
    }
    section.push_back(Return(above));
    return section;
  });
}

SeccompProgram ArchitecturesProgram(const std::vector<std::string_view>& names) {
  const auto named = [&](std::string_view name) { return std::ranges::count(names, name) > 0; };
  SeccompProgram program{Load(kArchitectureOffset)};
  bool native = true;
  for (const Architecture& architecture : Architectures()) {
    // The first is always in: the program that is about to be executed is of it.
    if (std::exchange(native, false) || named(architecture.name)) {
      program.push_back(Jump(BPF_JEQ, architecture.audit, 0, 1));
      program.push_back(Return(AllowCall()));
    }
  }
  program.push_back(Return(KillProcess()));
  return program;
}

}  // namespace inro::guest::sandbox
