#include "unit/sandbox_parse.h"

#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include <algorithm>

namespace inro::unit::parse {
namespace {

// The quoted words with specifiers expanded; nullopt with a problem.
std::optional<std::vector<std::string>> ExpandedWords(DirectiveContext& context) {
  std::vector<std::string> words;
  WordsInto(context, words);
  if (!context.problem.empty()) return std::nullopt;
  return words;
}

// Splits at colons; "\:" is a colon of the path.
std::vector<std::string> SplitColons(std::string_view text) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] == ':') {
      parts.back() += text[++i];
    } else if (text[i] == ':') {
      parts.emplace_back();
    } else {
      parts.back() += text[i];
    }
  }
  return parts;
}

bool NeedsAbsolute(DirectiveContext& context, const std::string& path) {
  if (path.starts_with('/')) return true;
  context.problem = "\"" + path + "\" is not an absolute path";
  return false;
}

}  // namespace

void PathsInto(DirectiveContext& context, std::vector<SandboxPath>& target) {
  if (context.value.empty()) {
    target.clear();
    return;
  }
  const auto words = ExpandedWords(context);
  if (!words) return;
  for (std::string_view word : *words) {
    SandboxPath entry;
    for (; word.starts_with('-') || word.starts_with('+'); word.remove_prefix(1)) {
      (word.front() == '-' ? entry.optional : entry.beneath_root) = true;
    }
    entry.path = CleanPath(word);
    if (!NeedsAbsolute(context, entry.path)) continue;
    if (target.size() < kMaxList) target.push_back(std::move(entry));
  }
}

void BindPaths(DirectiveContext& context) {
  auto& binds = ExecOf(context.unit).sandbox.binds;
  const bool read_only = context.row.argument != 0;
  if (context.value.empty()) {
    binds.clear();  // of both kinds, as in the original
    return;
  }
  const auto words = ExpandedWords(context);
  if (!words) return;
  for (std::string_view word : *words) {
    BindPath bind;
    bind.read_only = read_only;
    bind.optional = word.starts_with('-');
    if (bind.optional) word.remove_prefix(1);
    const std::vector<std::string> parts = SplitColons(word);
    bind.source = CleanPath(parts[0]);
    bind.destination = parts.size() > 1 && !parts[1].empty() ? CleanPath(parts[1]) : bind.source;
    if (parts.size() > 3 ||
        (parts.size() == 3 && parts[2] != "rbind" && parts[2] != "norbind" && !parts[2].empty())) {
      context.problem = "expected SOURCE, SOURCE:DESTINATION or SOURCE:DESTINATION:norbind";
      continue;
    }
    bind.recursive = parts.size() < 3 || parts[2] != "norbind";
    if (!NeedsAbsolute(context, bind.source) || !NeedsAbsolute(context, bind.destination)) continue;
    if (binds.size() < kMaxList) binds.push_back(std::move(bind));
  }
}

void TemporaryFileSystems(DirectiveContext& context) {
  auto& list = ExecOf(context.unit).sandbox.temporary;
  if (context.value.empty()) {
    list.clear();
    return;
  }
  const auto words = ExpandedWords(context);
  if (!words) return;
  for (const std::string_view word : *words) {
    const std::size_t colon = word.find(':');
    TemporaryFileSystem entry{
        CleanPath(word.substr(0, colon)),
        colon == std::string_view::npos ? "" : std::string(word.substr(colon + 1))};
    if (!NeedsAbsolute(context, entry.path)) continue;
    if (list.size() < kMaxList) list.push_back(std::move(entry));
  }
}

void MountFlags(DirectiveContext& context) {
  auto& propagation = ExecOf(context.unit).sandbox.mount_propagation;
  if (context.value.empty()) {
    propagation.reset();
  } else if (context.value == "shared") {
    propagation = MS_SHARED;
  } else if (context.value == "slave") {
    propagation = MS_SLAVE;
  } else if (context.value == "private") {
    propagation = MS_PRIVATE;
  } else {
    context.problem = "expected one of: shared slave private";
  }
}

void RestrictNamespaces(DirectiveContext& context) {
  constexpr Choice<unsigned long> kNamespaces[] = {
      {"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC},   {"net", CLONE_NEWNET},
      {"mnt", CLONE_NEWNS},        {"pid", CLONE_NEWPID},   {"user", CLONE_NEWUSER},
      {"uts", CLONE_NEWUTS},       {"time", CLONE_NEWTIME},
  };
  unsigned long all = 0;
  for (const auto& row : kNamespaces) all |= row.value;
  auto& allowed = ExecOf(context.unit).sandbox.allowed_namespaces;
  if (context.value.empty()) {
    allowed.reset();
    return;
  }
  if (const auto whole = ParseBool(context.value)) {
    allowed.reset();
    if (*whole) allowed = 0;
    return;
  }
  std::string_view text = context.value;
  const bool invert = text.starts_with('~');
  if (invert) text.remove_prefix(1);
  unsigned long listed = 0;
  for (const std::string_view word : SplitWords(text)) {
    const auto row = std::ranges::find(kNamespaces, word, &Choice<unsigned long>::word);
    if (row == std::end(kNamespaces)) {
      context.problem = "\"" + std::string(word) + "\" is not a kind of namespace";
      return;
    }
    listed |= row->value;
  }
  allowed = invert ? allowed.value_or(all) & ~listed : allowed.value_or(0) | listed;
}

void RestrictAddressFamilies(DirectiveContext& context) {
  constexpr Choice<int> kFamilies[] = {
      {"AF_UNIX", AF_UNIX},
      {"AF_LOCAL", AF_UNIX},
      {"AF_INET", AF_INET},
      {"AF_INET6", AF_INET6},
      {"AF_NETLINK", AF_NETLINK},
      {"AF_PACKET", AF_PACKET},
      {"AF_VSOCK", AF_VSOCK},
      {"AF_BLUETOOTH", AF_BLUETOOTH},
      {"AF_ALG", AF_ALG},
      {"AF_CAN", AF_CAN},
      {"AF_TIPC", AF_TIPC},
      {"AF_KEY", AF_KEY},
      {"AF_AX25", AF_AX25},
      {"AF_IPX", AF_IPX},
      {"AF_APPLETALK", AF_APPLETALK},
      {"AF_NETROM", AF_NETROM},
      {"AF_BRIDGE", AF_BRIDGE},
      {"AF_ATMPVC", AF_ATMPVC},
      {"AF_X25", AF_X25},
      {"AF_ROSE", AF_ROSE},
      {"AF_SECURITY", AF_SECURITY},
      {"AF_ASH", AF_ASH},
      {"AF_ECONET", AF_ECONET},
      {"AF_ATMSVC", AF_ATMSVC},
      {"AF_RDS", AF_RDS},
      {"AF_IRDA", AF_IRDA},
      {"AF_PPPOX", AF_PPPOX},
      {"AF_WANPIPE", AF_WANPIPE},
      {"AF_LLC", AF_LLC},
      {"AF_IB", AF_IB},
      {"AF_MPLS", AF_MPLS},
      {"AF_RXRPC", AF_RXRPC},
      {"AF_ISDN", AF_ISDN},
      {"AF_PHONET", AF_PHONET},
      {"AF_IEEE802154", AF_IEEE802154},
      {"AF_CAIF", AF_CAIF},
      {"AF_NFC", AF_NFC},
      {"AF_KCM", AF_KCM},
      {"AF_QIPCRTR", AF_QIPCRTR},
      {"AF_SMC", AF_SMC},
      {"AF_XDP", AF_XDP},
      {"AF_DECnet", AF_DECnet},
  };
  auto& setting = ExecOf(context.unit).sandbox.address_families;
  if (context.value.empty()) {
    setting.reset();
    return;
  }
  if (context.value == "none") {
    setting = SandboxSettings::AddressFamilies{true, {}};
    return;
  }
  std::string_view text = context.value;
  const bool invert = text.starts_with('~');
  if (invert) text.remove_prefix(1);
  if (!setting) setting = SandboxSettings::AddressFamilies{!invert, {}};
  for (const std::string_view word : SplitWords(text)) {
    const auto row = std::ranges::find(kFamilies, word, &Choice<int>::word);
    if (row == std::end(kFamilies)) {
      context.problem = "\"" + std::string(word) + "\" is not an address family";
      continue;
    }
    // A line of the other kind takes out what an earlier one put in.
    std::erase(setting->families, row->value);
    if (invert != setting->allow_list) setting->families.push_back(row->value);
  }
}

void SystemCallFilter(DirectiveContext& context) {
  auto& setting = ExecOf(context.unit).sandbox.system_calls;
  if (context.value.empty()) {
    setting.reset();
    return;
  }
  std::string_view text = context.value;
  const bool invert = text.starts_with('~');
  if (invert) text.remove_prefix(1);
  if (!setting) setting = SystemCallRules{!invert, {}};
  for (const std::string_view word : SplitWords(text)) {
    const std::size_t colon = word.find(':');
    const std::string_view name = word.substr(0, colon);
    const bool group = name.starts_with('@');
    const bool clean = std::ranges::all_of(
        name.substr(group ? 1 : 0), [](char c) { return IsAlnum(c) || c == '_' || c == '-'; });
    if (name.size() < (group ? 2U : 1U) || !clean) {
      context.problem = "\"" + std::string(word) + "\" is not the name of a system call";
      continue;
    }
    if (colon != std::string_view::npos && word.substr(colon + 1) != "kill" &&
        !ParseErrno(word.substr(colon + 1))) {
      context.problem = "\"" + std::string(word.substr(colon + 1)) + "\" is not an error number";
      continue;
    }
    const bool take_out = invert == setting->allow_list;
    if (setting->calls.size() < kMaxList) {
      setting->calls.push_back((take_out ? "~" : "") + std::string(word));
    }
  }
}

void SystemCallErrorNumber(DirectiveContext& context) {
  auto& number = ExecOf(context.unit).sandbox.system_call_errno;
  if (context.value.empty() || context.value == "kill") {
    number.reset();
  } else if (const auto value = ParseErrno(context.value)) {
    number = *value;
  } else {
    context.problem = "the name of an error is expected, for example EPERM";
  }
}

void Personality(DirectiveContext& context) {
  constexpr Choice<unsigned long> kPersonalities[] = {
#if defined(__x86_64__)
      {"x86-64", PER_LINUX},
      {"x86", PER_LINUX32},
#elif defined(__aarch64__)
      {"arm64", PER_LINUX},
      {"arm", PER_LINUX32},
#else
      {"native", PER_LINUX},
#endif
  };
  auto& personality = ExecOf(context.unit).sandbox.personality;
  if (context.value.empty()) {
    personality.reset();
    return;
  }
  const auto row = std::ranges::find(kPersonalities, context.value, &Choice<unsigned long>::word);
  if (row == std::end(kPersonalities)) {
    context.problem = "an architecture of this machine is expected";
    return;
  }
  personality = row->value;
}

}  // namespace inro::unit::parse
