// What the host may do in a guest besides talking to its agent: the file
// /usr/lib/inro/control.conf, written when the guest is built and read by the roles that serve it.
//
// The definition decides, never the kernel's command line: what `debug` and `[control] exec` say is
// turned into two words here, and a guest whose file is damaged is closed.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace inro::protocol {

inline constexpr std::string_view kControlPolicyPath = "/usr/lib/inro/control.conf";

// When a debug console may be opened on vsock or the serial line. In no case without
// agent.debug_console on the kernel's command line.
enum class ConsolePolicy {
  kNever,       // debug = false
  kUnverified,  // debug is not set: not where the root is verified
  kAlways,      // debug = true
};

struct ControlPolicy {
  ConsolePolicy console = ConsolePolicy::kUnverified;
  bool exec = false;  // programs, copies and control of services through vsock 10124

  bool operator==(const ControlPolicy&) const = default;
};

// The policy of a definition: `debug` and `[control] exec`, absent where they are not set.
ControlPolicy MakeControlPolicy(std::optional<bool> debug, std::optional<bool> exec);

// The file: lines "console = never|unverified|always" and "exec = yes|no".
std::string ControlPolicyText(const ControlPolicy& policy);

// A text that has an unknown word, or lacks one of the lines, gives the closed policy: never, no.
// Lines that begin with '#' and keys that are not known are skipped.
ControlPolicy ParseControlPolicy(std::string_view text);

// The policy of a guest without the file (made by other means): Kata's own, a console on request.
inline constexpr ControlPolicy kPolicyWithoutFile{};

// Whether the kernel's command line says that the root is verified by dm-verity: a dm-mod.create=
// with a verity target, as Kata's runtimes write it, or roothash= of systemd.
bool RootIsVerified(std::string_view command_line);

// Whether a console may be opened on a guest with this command line, were it asked for.
bool ConsoleAllowed(const ControlPolicy& policy, std::string_view command_line);

}  // namespace inro::protocol
