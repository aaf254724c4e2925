#include "unit/value.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "unit/text.h"

namespace inro::unit {
namespace {

bool EqualsAnyCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char x = a[i] >= 'a' && a[i] <= 'z' ? static_cast<char>(a[i] - 32) : a[i];
    const char y = b[i] >= 'a' && b[i] <= 'z' ? static_cast<char>(b[i] - 32) : b[i];
    if (x != y) return false;
  }
  return true;
}

struct TimeUnit {
  std::string_view name;
  std::int64_t microseconds;
};
constexpr std::int64_t kSecond = 1'000'000;
constexpr std::array<TimeUnit, 30> kTimeUnits = {{
    {"seconds", kSecond},
    {"second", kSecond},
    {"sec", kSecond},
    {"s", kSecond},
    {"", kSecond},
    {"minutes", 60 * kSecond},
    {"minute", 60 * kSecond},
    {"min", 60 * kSecond},
    {"m", 60 * kSecond},
    {"hours", 3600 * kSecond},
    {"hour", 3600 * kSecond},
    {"hr", 3600 * kSecond},
    {"h", 3600 * kSecond},
    {"days", 86400 * kSecond},
    {"day", 86400 * kSecond},
    {"d", 86400 * kSecond},
    {"weeks", 7 * 86400 * kSecond},
    {"week", 7 * 86400 * kSecond},
    {"w", 7 * 86400 * kSecond},
    {"months", 2629800 * kSecond},
    {"month", 2629800 * kSecond},
    {"M", 2629800 * kSecond},
    {"years", 31557600 * kSecond},
    {"year", 31557600 * kSecond},
    {"y", 31557600 * kSecond},
    {"msec", 1000},
    {"ms", 1000},
    {"usec", 1},
    {"us", 1},
    {"\xc2\xb5s", 1},
}};

struct SignalRow {
  std::string_view name;
  int number;
};
constexpr std::array<SignalRow, 31> kSignals = {{
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT}, {"ILL", SIGILL},
    {"TRAP", SIGTRAP}, {"ABRT", SIGABRT},     {"BUS", SIGBUS},   {"FPE", SIGFPE},
    {"KILL", SIGKILL}, {"USR1", SIGUSR1},     {"SEGV", SIGSEGV}, {"USR2", SIGUSR2},
    {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},     {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT},
    {"CHLD", SIGCHLD}, {"CONT", SIGCONT},     {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},
    {"TTIN", SIGTTIN}, {"TTOU", SIGTTOU},     {"URG", SIGURG},   {"XCPU", SIGXCPU},
    {"XFSZ", SIGXFSZ}, {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"PWR", SIGPWR},       {"SYS", SIGSYS},
}};

constexpr std::array<std::string_view, 41> kCapabilities = {"CHOWN",
                                                            "DAC_OVERRIDE",
                                                            "DAC_READ_SEARCH",
                                                            "FOWNER",
                                                            "FSETID",
                                                            "KILL",
                                                            "SETGID",
                                                            "SETUID",
                                                            "SETPCAP",
                                                            "LINUX_IMMUTABLE",
                                                            "NET_BIND_SERVICE",
                                                            "NET_BROADCAST",
                                                            "NET_ADMIN",
                                                            "NET_RAW",
                                                            "IPC_LOCK",
                                                            "IPC_OWNER",
                                                            "SYS_MODULE",
                                                            "SYS_RAWIO",
                                                            "SYS_CHROOT",
                                                            "SYS_PTRACE",
                                                            "SYS_PACCT",
                                                            "SYS_ADMIN",
                                                            "SYS_BOOT",
                                                            "SYS_NICE",
                                                            "SYS_RESOURCE",
                                                            "SYS_TIME",
                                                            "SYS_TTY_CONFIG",
                                                            "MKNOD",
                                                            "LEASE",
                                                            "AUDIT_WRITE",
                                                            "AUDIT_CONTROL",
                                                            "SETFCAP",
                                                            "MAC_OVERRIDE",
                                                            "MAC_ADMIN",
                                                            "SYSLOG",
                                                            "WAKE_ALARM",
                                                            "BLOCK_SUSPEND",
                                                            "AUDIT_READ",
                                                            "PERFMON",
                                                            "BPF",
                                                            "CHECKPOINT_RESTORE"};

std::optional<std::uint64_t> ParseLimitNumber(std::string_view text) {
  if (text == "infinity") return RLIM_INFINITY;
  if (text.empty()) return std::nullopt;
  constexpr std::string_view kSuffixes = "KMGTPE";
  int shift = 0;
  if (const std::size_t at = kSuffixes.find(text.back()); at != std::string_view::npos) {
    shift = 10 * static_cast<int>(at + 1);
    text.remove_suffix(1);
  }
  const auto number = ParseNumber<std::uint64_t>(text);
  if (!number || (shift > 0 && *number > (std::numeric_limits<std::uint64_t>::max() >> shift))) {
    return std::nullopt;
  }
  return *number << shift;
}

}  // namespace

std::optional<bool> ParseBool(std::string_view text) {
  for (const std::string_view yes : {"1", "yes", "y", "true", "t", "on"}) {
    if (EqualsAnyCase(text, yes)) return true;
  }
  for (const std::string_view no : {"0", "no", "n", "false", "f", "off"}) {
    if (EqualsAnyCase(text, no)) return false;
  }
  return std::nullopt;
}

std::optional<Microseconds> ParseTimeSpan(std::string_view text) {
  text = Trim(text);
  if (text == "infinity") return kForever;
  if (text.empty()) return std::nullopt;
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max() / 4;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::size_t digits = 0;
    while (digits < text.size() && (IsDigit(text[digits]) || text[digits] == '.')) ++digits;
    const std::string_view number = text.substr(0, digits);
    const std::size_t dot = number.find('.');
    const std::string_view fraction =
        dot == std::string_view::npos ? std::string_view() : number.substr(dot + 1);
    const auto whole = ParseNumber<std::int64_t>(number.substr(0, dot));
    if (!whole) return std::nullopt;
    text = Trim(text.substr(digits));
    std::size_t letters = 0;
    while (letters < text.size() && !IsSpace(text[letters]) && !IsDigit(text[letters])) ++letters;
    const TimeUnit* unit = nullptr;
    for (const TimeUnit& row : kTimeUnits) {
      if (row.name == text.substr(0, letters)) unit = &row;
    }
    if (unit == nullptr) return std::nullopt;
    text = Trim(text.substr(letters));
    if (*whole > kMax / unit->microseconds) return std::nullopt;
    total += *whole * unit->microseconds;
    std::int64_t part = unit->microseconds;
    for (const char c : fraction) {
      if (!IsDigit(c)) return std::nullopt;
      part /= 10;
      total += (c - '0') * part;
    }
    if (total > kMax) return std::nullopt;
  }
  return Microseconds(total);
}

std::optional<int> ParseSignal(std::string_view text) {
  if (const auto number = ParseNumber<int>(text)) {
    if (*number > 0 && *number < NSIG) return number;
    return std::nullopt;
  }
  if (text.starts_with("SIG")) text.remove_prefix(3);
  for (const SignalRow& row : kSignals) {
    if (row.name == text) return row.number;
  }
  constexpr int kFirstRealTime = 34;  // what glibc leaves of the kernel's 32 to programs
  if (text == "RTMIN") return kFirstRealTime;
  if (text.starts_with("RTMIN+")) {
    const auto offset = ParseNumber<int>(text.substr(6));
    if (offset && *offset >= 0 && *offset <= 30) return kFirstRealTime + *offset;
  }
  return std::nullopt;
}

std::string_view SignalName(int number) {
  for (const SignalRow& row : kSignals) {
    if (row.number == number) return row.name;
  }
  return "a real-time signal";
}

std::optional<std::uint32_t> ParseMode(std::string_view text) {
  const auto mode = ParseNumber<std::uint32_t>(text, 8);
  if (!mode || *mode > 07777) return std::nullopt;
  return mode;
}

std::optional<Limit> ParseLimit(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto soft = ParseLimitNumber(text.substr(0, colon));
  const auto hard =
      colon == std::string_view::npos ? soft : ParseLimitNumber(text.substr(colon + 1));
  if (!soft || !hard || *soft > *hard) return std::nullopt;
  return Limit{*soft, *hard};
}

std::optional<std::uint64_t> ParseSize(std::string_view text) {
  constexpr std::string_view kSuffixes = "BKMGTPE";
  int shift = 0;
  if (text.size() > 1 && text.ends_with('B')) text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  if (const std::size_t at = kSuffixes.find(text.back()); at != std::string_view::npos) {
    shift = 10 * static_cast<int>(at);
    text = Trim(text.substr(0, text.size() - 1));
  }
  const std::size_t dot = text.find('.');
  const auto whole = ParseNumber<std::uint64_t>(text.substr(0, dot));
  if (!whole || (shift > 0 && *whole > (std::numeric_limits<std::uint64_t>::max() >> shift))) {
    return std::nullopt;
  }
  std::uint64_t bytes = *whole << shift;
  if (dot != std::string_view::npos) {
    const std::string_view digits = text.substr(dot + 1);
    if (digits.empty() || digits.size() > 6) return std::nullopt;
    const auto fraction = ParseNumber<std::uint64_t>(digits);
    if (!fraction) return std::nullopt;
    std::uint64_t scale = 1;
    for (std::size_t i = 0; i < digits.size(); ++i) scale *= 10;
    const std::uint64_t unit = std::uint64_t{1} << shift;
    bytes += unit / scale * *fraction + unit % scale * *fraction / scale;
  }
  return bytes;
}

std::optional<unsigned> ParsePermyriad(std::string_view text) {
  struct Mark {
    std::string_view mark;
    std::size_t digits;  // after the point, to come to 1/10000
  };
  for (const Mark& mark : {Mark{"%", 2}, Mark{"\xe2\x80\xb0", 1}, Mark{"\xe2\x80\xb1", 0}}) {
    if (!text.ends_with(mark.mark)) continue;
    text.remove_suffix(mark.mark.size());
    const std::size_t dot = text.find('.');
    const auto whole = ParseNumber<unsigned>(text.substr(0, dot));
    if (!whole || *whole > 10'000'000) return std::nullopt;
    const std::string_view fraction =
        dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
    if ((dot != std::string_view::npos && fraction.empty()) || fraction.size() > mark.digits) {
      return std::nullopt;
    }
    unsigned value = *whole;
    for (std::size_t i = 0; i < mark.digits; ++i) {
      const char digit = i < fraction.size() ? fraction[i] : '0';
      if (!IsDigit(digit)) return std::nullopt;
      value = value * 10 + static_cast<unsigned>(digit - '0');
    }
    return value;
  }
  return std::nullopt;
}

std::optional<std::vector<unsigned>> ParseNumberSet(std::string_view text) {
  constexpr unsigned kMaxNumber = 8191;
  std::vector<unsigned> numbers;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(", \t");
    const std::string_view item = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (item.empty()) continue;
    const std::size_t dash = item.find('-');
    const auto first = ParseNumber<unsigned>(item.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : ParseNumber<unsigned>(item.substr(dash + 1));
    if (!first || !last || *first > *last || *last > kMaxNumber) return std::nullopt;
    if (numbers.size() > kMaxNumber) return std::nullopt;
    for (unsigned number = *first; number <= *last; ++number) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

std::optional<int> ParseErrno(std::string_view text) {
  if (const auto number = ParseNumber<int>(text)) {
    if (*number > 0 && *number < 4096) return number;
    return std::nullopt;
  }
  constexpr int kLastNamed = 133;  // EHWPOISON
  for (int number = 1; number <= kLastNamed; ++number) {
    const char* name = ::strerrorname_np(number);
    if (name != nullptr && text == name) return number;
  }
  return std::nullopt;
}

std::optional<int> ParseCapability(std::string_view text) {
  if (text.size() < 5 || !EqualsAnyCase(text.substr(0, 4), "CAP_")) return std::nullopt;
  for (std::size_t i = 0; i < kCapabilities.size(); ++i) {
    if (EqualsAnyCase(text.substr(4), kCapabilities[i])) return static_cast<int>(i);
  }
  return std::nullopt;
}

}  // namespace inro::unit
