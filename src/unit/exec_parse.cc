#include "unit/exec_parse.h"

#include <linux/securebits.h>
#include <sys/resource.h>

#include <algorithm>

namespace inro::unit::parse {
namespace {

// "~" inverts: what is listed is taken away. Lines add up.
void Capabilities(DirectiveContext& context, CapabilitySet& set, bool start_full) {
  std::string_view text = context.value;
  const bool invert = text.starts_with('~');
  if (invert) text.remove_prefix(1);
  CapabilitySet listed;
  for (const std::string_view word : SplitWords(text)) {
    if (const auto number = ParseCapability(word)) {
      listed.set(static_cast<std::size_t>(*number));
    } else {
      context.problem = "\"" + std::string(word) + "\" is not a capability";
    }
  }
  if (start_full && invert) set.set();
  set = invert ? (set & ~listed) : (set | listed);
}

// One side of a limit; what it counts depends on the resource.
std::optional<std::uint64_t> ParseLimitSide(std::string_view text, int resource) {
  if (text == "infinity") return RLIM_INFINITY;
  if (resource == RLIMIT_NICE && (text.starts_with('+') || text.starts_with('-'))) {
    const auto nice = ParseNumber<int>(text.substr(text.front() == '+' ? 1 : 0));
    if (!nice || *nice < -20 || *nice > 19) return std::nullopt;
    return static_cast<std::uint64_t>(20 - *nice);
  }
  const bool plain = !text.empty() && std::ranges::all_of(text, IsDigit);
  if (!plain && (resource == RLIMIT_CPU || resource == RLIMIT_RTTIME)) {
    const auto span = ParseTimeSpan(text);
    if (!span || *span == kForever) return std::nullopt;
    const std::int64_t unit = resource == RLIMIT_CPU ? 1'000'000 : 1;
    return static_cast<std::uint64_t>((span->count() + unit - 1) / unit);
  }
  constexpr int kOfBytes[] = {RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK,   RLIMIT_CORE,
                              RLIMIT_RSS,   RLIMIT_AS,   RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE};
  if (std::ranges::find(kOfBytes, resource) != std::end(kOfBytes)) return ParseSize(text);
  return ParseNumber<std::uint64_t>(text);
}

}  // namespace

void ResourceLimitRow(DirectiveContext& context) {
  const int resource = context.row.argument;
  auto& slot = ExecOf(context.unit).limits[static_cast<std::size_t>(resource)];
  if (context.value.empty()) {
    slot.reset();
    return;
  }
  const std::size_t colon = context.value.find(':');
  const auto soft = ParseLimitSide(context.value.substr(0, colon), resource);
  const auto hard = colon == std::string_view::npos
                        ? soft
                        : ParseLimitSide(context.value.substr(colon + 1), resource);
  if (soft && hard && *soft <= *hard) {
    slot = Limit{*soft, *hard};
  } else {
    context.problem = "a limit is expected: N, SOFT:HARD or infinity";
  }
}

void DirectoryNames(DirectiveContext& context) {
  auto& names =
      ExecOf(context.unit).directories[static_cast<std::size_t>(context.row.argument)].names;
  if (context.value.empty()) {
    names.clear();
    return;
  }
  for (const std::string& word : QuotedWords(context)) {
    std::string name;
    const std::size_t colon = word.find(':');
    // "name:link" asks for a symbolic link too; the directory itself is what counts.
    if (!Expand(context, std::string_view(word).substr(0, colon), name)) return;
    if (colon != std::string::npos) context.not_enforced = true;
    if (!IsCleanRelative(name)) {
      context.problem = "\"" + name + "\" must be relative, without \"..\"";
      continue;
    }
    if (names.size() < kMaxList) names.push_back(std::move(name));
  }
}

void DirectoryMode(DirectiveContext& context) {
  ModeInto(context,
           ExecOf(context.unit).directories[static_cast<std::size_t>(context.row.argument)].mode);
}

void EnvironmentWords(DirectiveContext& context) {
  Environment& environment = ExecOf(context.unit).environment;
  if (context.value.empty()) {
    environment.clear();
    return;
  }
  for (const std::string& word : QuotedWords(context)) {
    std::string assignment;
    if (!Expand(context, word, assignment)) return;
    if (!IsAssignment(assignment)) {
      context.problem = "\"" + assignment + "\" is not NAME=value";
      continue;
    }
    if (environment.size() < kMaxList) SetVariable(environment, assignment);
  }
}

void EnvironmentFileRow(DirectiveContext& context) {
  auto& files = ExecOf(context.unit).environment_files;
  if (context.value.empty()) {
    files.clear();
    return;
  }
  const bool optional = context.value.starts_with('-');
  std::string path;
  if (!Expand(context, context.value.substr(optional ? 1 : 0), path)) return;
  if (!path.starts_with('/')) {
    context.problem = "an absolute path is expected";
    return;
  }
  if (files.size() < kMaxList) files.push_back({std::move(path), optional});
}

void WorkingDirectory(DirectiveContext& context) {
  ExecSettings& exec = ExecOf(context.unit);
  exec.working_directory_optional = context.value.starts_with('-');
  std::string path;
  if (!Expand(context, context.value.substr(exec.working_directory_optional ? 1 : 0), path)) return;
  if (!path.empty() && path != "~" && !path.starts_with('/')) {
    context.problem = "an absolute path or ~ is expected";
    return;
  }
  exec.working_directory = std::move(path);
}

void BoundingRow(DirectiveContext& context) {
  auto& set = ExecOf(context.unit).bounding;
  const bool fresh = !set.has_value();
  if (fresh) set.emplace();
  if (context.value.empty()) {
    set->reset();
  } else {
    Capabilities(context, *set, fresh);
  }
}

void AmbientRow(DirectiveContext& context) {
  CapabilitySet& set = ExecOf(context.unit).ambient;
  if (context.value.empty()) {
    set.reset();
  } else {
    Capabilities(context, set, set.none());
  }
}

void UmaskRow(DirectiveContext& context) {
  if (const auto mode = ParseMode(context.value); mode && *mode <= 0777) {
    ExecOf(context.unit).umask = *mode;
  } else {
    context.problem = "an octal mask is expected";
  }
}

void CpuAffinity(DirectiveContext& context) {
  auto& cpus = ExecOf(context.unit).cpu_affinity;
  if (context.value.empty()) {
    cpus.clear();
    return;
  }
  if (context.value == "numa") {  // needs NUMAMask=, which is not enforced
    context.not_enforced = true;
    return;
  }
  const auto set = ParseNumberSet(context.value);
  if (!set) {
    context.problem = "CPU numbers or ranges are expected, for example 0-3 5";
    return;
  }
  cpus.insert(cpus.end(), set->begin(), set->end());
  std::ranges::sort(cpus);
  cpus.erase(std::ranges::unique(cpus).begin(), cpus.end());
}

// A bare number is nanoseconds.
void TimerSlack(DirectiveContext& context) {
  std::string_view text = context.value;
  if (text.ends_with("ns")) text.remove_suffix(2);
  if (const auto nanoseconds = ParseNumber<std::uint64_t>(Trim(text))) {
    ExecOf(context.unit).timer_slack_ns = *nanoseconds;
  } else if (const auto span = ParseTimeSpan(context.value); span && *span != kForever) {
    ExecOf(context.unit).timer_slack_ns = static_cast<std::uint64_t>(span->count()) * 1000;
  } else {
    context.problem = "a time in nanoseconds is expected, for example 500us";
  }
}

void SecureBits(DirectiveContext& context) {
  constexpr Choice<unsigned> kBits[] = {
      {"keep-caps", SECBIT_KEEP_CAPS},
      {"keep-caps-locked", SECBIT_KEEP_CAPS_LOCKED},
      {"no-setuid-fixup", SECBIT_NO_SETUID_FIXUP},
      {"no-setuid-fixup-locked", SECBIT_NO_SETUID_FIXUP_LOCKED},
      {"noroot", SECBIT_NOROOT},
      {"noroot-locked", SECBIT_NOROOT_LOCKED},
  };
  unsigned& bits = ExecOf(context.unit).secure_bits;
  if (context.value.empty()) bits = 0;
  for (const std::string_view word : SplitWords(context.value)) {
    const auto row = std::ranges::find(kBits, word, &Choice<unsigned>::word);
    if (row == std::end(kBits)) {
      context.problem = "\"" + std::string(word) + "\" is not a secure bit";
      continue;
    }
    bits |= row->value;
  }
}

namespace {

// The setting of that credential, made when there is none.
CredentialSetting* CredentialOf(DirectiveContext& context, std::string_view id) {
  auto& list = ExecOf(context.unit).credentials;
  if (id.empty() || id.find('/') != std::string_view::npos || id == "." || id == ".." ||
      id.size() > 255) {
    context.problem = "\"" + std::string(id) + "\" is not the name of a credential";
    return nullptr;
  }
  const auto known = std::ranges::find(list, id, &CredentialSetting::id);
  if (known != list.end()) return &*known;
  if (list.size() >= kMaxList) return nullptr;
  list.push_back({std::string(id), "", ""});
  return &list.back();
}

// Resets by an empty value; else the parts around the first colon.
bool SplitCredential(DirectiveContext& context, std::string& id, std::string& rest) {
  auto& list = ExecOf(context.unit).credentials;
  if (context.value.empty()) {
    list.clear();
    return false;
  }
  std::string text;
  if (!Expand(context, context.value, text)) return false;
  const std::size_t colon = text.find(':');
  id = text.substr(0, colon);
  rest = colon == std::string::npos ? "" : text.substr(colon + 1);
  return true;
}

}  // namespace

void LoadCredential(DirectiveContext& context) {
  std::string id;
  std::string path;
  if (!SplitCredential(context, id, path)) return;
  if (path.empty()) path = id;
  if (!path.starts_with('/') && path.find('/') != std::string::npos) {
    context.problem = "an absolute path or the name of a credential is expected after the colon";
    return;
  }
  // A value that SetCredential= gave stays as what is used when the path is absent.
  if (CredentialSetting* entry = CredentialOf(context, id)) entry->path = std::move(path);
}

void SetCredential(DirectiveContext& context) {
  std::string id;
  std::string text;
  if (!SplitCredential(context, id, text)) return;
  const auto content = UnescapeText(text);
  if (!content) {
    context.problem = "an escape is unknown";
    return;
  }
  if (CredentialSetting* entry = CredentialOf(context, id)) entry->content = *content;
}

}  // namespace inro::unit::parse
