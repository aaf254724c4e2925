#include "vmm/guest/supervisor_protocol.h"

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace inro::vmm {
namespace {

constexpr std::array<std::pair<std::string_view, GuestExit::Reason>, 3> kReasons{
    {{"guest", GuestExit::Reason::kGuest},
     {"killed", GuestExit::Reason::kKilled},
     {"limit", GuestExit::Reason::kTimeLimit}}};

// Cuts the first word off.
std::string_view TakeWord(std::string_view& text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

template <class T>
std::optional<T> Number(std::string_view word) {
  T value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string Encode(const SupervisorMessage& message) {
  std::string text;
  switch (message.kind) {
    case SupervisorMessage::Kind::kStarted:
      text = fmt::format("started {} {}", message.pid, message.time.count());
      break;
    case SupervisorMessage::Kind::kFailed:
      text = fmt::format("failed {}", message.text);
      break;
    case SupervisorMessage::Kind::kDetached:
      text = "detached";
      break;
    case SupervisorMessage::Kind::kExited:
      for (const auto& [word, reason] : kReasons) {
        if (reason == message.exit.reason) {
          text = fmt::format("exited {} {}", word, message.exit.status);
        }
      }
      break;
  }
  if (text.size() > kSupervisorMessageLimit) text.resize(kSupervisorMessageLimit);
  return text;
}

Result<SupervisorMessage> ParseSupervisorMessage(std::string_view bytes) {
  std::string_view rest = bytes;
  const std::string_view kind = TakeWord(rest);
  SupervisorMessage message;
  if (kind == "failed") {
    message.text = rest;
    return message;
  }
  if (bytes == "detached") {
    message.kind = SupervisorMessage::Kind::kDetached;
    return message;
  }
  const std::string_view first = TakeWord(rest);
  if (kind == "started") {
    const auto pid = Number<pid_t>(first);
    const auto time = Number<std::int64_t>(rest);
    if (pid && *pid > 0 && time) {
      message.kind = SupervisorMessage::Kind::kStarted;
      message.pid = *pid;
      message.time = std::chrono::nanoseconds(*time);
      return message;
    }
  }
  if (kind == "exited") {
    const auto status = Number<int>(rest);
    for (const auto& [word, reason] : kReasons) {
      if (word != first || !status) continue;
      message.kind = SupervisorMessage::Kind::kExited;
      message.exit = {reason, *status};
      return message;
    }
  }
  return Fail("unreadable message from the guest's supervisor: {}", bytes);
}

// The words are: program, verb, then NAME=VALUE for each field, "--", and QEMU's words.
std::vector<std::string> ToWords(const SupervisorSpec& spec) {
  std::vector<std::string> words{"inro", std::string(kSuperviseVerb)};
  words.push_back("folder=" + spec.folder);
  words.push_back(fmt::format("keep={}", spec.keep_folder ? 1 : 0));
  words.push_back("vhost=" + spec.vhost_socket);
  words.push_back("hybrid=" + spec.hybrid_socket);
  words.push_back(fmt::format("cid={}", spec.guest_cid));
  words.push_back(fmt::format("limit={}", spec.time_limit.count()));
  words.push_back(fmt::format("time={}", spec.serve_time ? 1 : 0));
  words.push_back("--");
  words.insert(words.end(), spec.qemu.begin(), spec.qemu.end());
  return words;
}

Result<SupervisorSpec> FromWords(const std::vector<std::string>& words) {
  SupervisorSpec spec;
  std::size_t i = 2;
  for (; i < words.size() && words[i] != "--"; ++i) {
    const std::size_t equals = words[i].find('=');
    if (equals == std::string::npos) return Fail("supervisor: unreadable word \"{}\"", words[i]);
    const std::string_view name = std::string_view(words[i]).substr(0, equals);
    const std::string value = words[i].substr(equals + 1);
    const auto number = Number<std::int64_t>(value);
    if (name == "folder") {
      spec.folder = value;
    } else if (name == "vhost") {
      spec.vhost_socket = value;
    } else if (name == "hybrid") {
      spec.hybrid_socket = value;
    } else if (name == "keep" && number) {
      spec.keep_folder = *number != 0;
    } else if (name == "time" && number) {
      spec.serve_time = *number != 0;
    } else if (name == "cid" && number) {
      spec.guest_cid = static_cast<std::uint32_t>(*number);
    } else if (name == "limit" && number) {
      spec.time_limit = std::chrono::milliseconds(*number);
    } else {
      return Fail("supervisor: unreadable word \"{}\"", words[i]);
    }
  }
  if (i + 1 >= words.size()) return Fail("supervisor: no program to run");
  spec.qemu.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
  if (spec.folder.empty()) return Fail("supervisor: no folder");
  return spec;
}

}  // namespace inro::vmm
