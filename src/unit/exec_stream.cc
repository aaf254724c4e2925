// What the standard streams of a unit's processes are connected to, and what the log is told.
#include <algorithm>
#include <array>

#include "unit/exec_parse.h"

namespace inro::unit::parse {
namespace {

struct Row {
  std::string_view word;
  StandardStream kind;
  bool input, output;
  bool and_console = false, force = false, fail = false;
};
constexpr Row kPlain[] = {
    {"inherit", StandardStream::kInherit, false, true},
    {"null", StandardStream::kNull, true, true},
    {"tty", StandardStream::kTty, true, true},
    {"tty-force", StandardStream::kTty, true, false, false, true, false},
    {"tty-fail", StandardStream::kTty, true, false, false, false, true},
    {"data", StandardStream::kData, true, false},
    {"socket", StandardStream::kSocket, true, true},
    {"fd", StandardStream::kFd, true, true},
    {"journal", StandardStream::kJournal, false, true},
    {"kmsg", StandardStream::kKmsg, false, true},
    {"syslog", StandardStream::kJournal, false, true},
    {"journal+console", StandardStream::kJournal, false, true, true},
    {"kmsg+console", StandardStream::kKmsg, false, true, true},
    {"syslog+console", StandardStream::kJournal, false, true, true},
};
constexpr Row kWithPath[] = {
    {"file:", StandardStream::kFile, true, true},
    {"append:", StandardStream::kAppend, false, true},
    {"truncate:", StandardStream::kTruncate, false, true},
    {"fd:", StandardStream::kFd, true, true},
};

void ParseStream(DirectiveContext& c, bool input, StreamSetting& setting) {
  for (const Row& row : kPlain) {
    if (c.value != row.word || (input ? !row.input : !row.output)) continue;
    setting = {row.kind, "", row.and_console, row.force, row.fail};
    return;
  }
  for (const Row& row : kWithPath) {
    if (!c.value.starts_with(row.word) || (input ? !row.input : !row.output)) continue;
    StreamSetting parsed{row.kind, ""};
    if (!Expand(c, c.value.substr(row.word.size()), parsed.path)) return;
    if (row.kind != StandardStream::kFd && !parsed.path.starts_with('/')) {
      c.problem = "an absolute path is expected after the colon";
      return;
    }
    setting = std::move(parsed);
    return;
  }
  c.problem = input ? "expected null, tty, tty-force, tty-fail, data, file:PATH, socket or fd:NAME"
                    : "expected inherit, null, tty, journal, kmsg, journal+console, kmsg+console, "
                      "file:PATH, append:PATH, truncate:PATH, socket or fd:NAME";
}

constexpr std::size_t kMaxInputBytes = 64 << 10;

void AppendInput(DirectiveContext& context, std::string_view bytes) {
  std::string& data = ExecOf(context.unit).input_data;
  if (data.size() + bytes.size() > kMaxInputBytes) {
    context.problem = "over 65536 bytes of standard input";
    return;
  }
  data += bytes;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    if (IsSpace(c) || c == '=') continue;
    const std::size_t at = kAlphabet.find(c);
    if (at == std::string_view::npos) return std::nullopt;
    bits = (bits << 6 | static_cast<unsigned>(at)) & 0xFFFFFF;
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>(bits >> held & 0xFF);
    }
  }
  return out;
}

constexpr std::array<std::string_view, 8> kLevels = {"emerg",   "alert",  "crit", "err",
                                                     "warning", "notice", "info", "debug"};
constexpr std::array<std::string_view, 24> kFacilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "authpriv", "ftp",    "",       "",       "",       "",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7"};

// The place of a word in a table, or the number itself.
void IndexInto(DirectiveContext& c, std::span<const std::string_view> words, int& target) {
  const auto word = std::ranges::find(words, c.value);
  const auto number = ParseNumber<unsigned>(c.value);
  if (!c.value.empty() && word != words.end()) {
    target = static_cast<int>(word - words.begin());
  } else if (number && *number < words.size()) {
    target = static_cast<int>(*number);
  } else {
    c.problem = "expected one of:";
    for (const std::string_view entry : words) {
      if (!entry.empty()) c.problem += " " + std::string(entry);
    }
  }
}

}  // namespace

void InputRow(DirectiveContext& context) { ParseStream(context, true, ExecOf(context.unit).input); }
void OutputRow(DirectiveContext& context) {
  ParseStream(context, false, ExecOf(context.unit).output);
}
void ErrorRow(DirectiveContext& context) {
  ParseStream(context, false, ExecOf(context.unit).error);
}

void InputText(DirectiveContext& context) {
  if (context.value.empty()) {
    ExecOf(context.unit).input_data.clear();
    return;
  }
  std::string text;
  if (!Expand(context, context.value, text)) return;
  const auto bytes = UnescapeText(text);
  if (!bytes) {
    context.problem = "an escape is unknown";
    return;
  }
  AppendInput(context, *bytes + "\n");
}

void InputData(DirectiveContext& context) {
  if (context.value.empty()) {
    ExecOf(context.unit).input_data.clear();
  } else if (const auto bytes = DecodeBase64(context.value)) {
    AppendInput(context, *bytes);
  } else {
    context.problem = "Base64 is expected";
  }
}

void SyslogFacility(DirectiveContext& context) {
  IndexInto(context, kFacilities, ExecOf(context.unit).syslog_facility);
}
void SyslogLevel(DirectiveContext& context) {
  IndexInto(context, kLevels, ExecOf(context.unit).syslog_level);
}
void LogLevelMax(DirectiveContext& context) {
  IndexInto(context, kLevels, ExecOf(context.unit).log_level_max);
}

}  // namespace inro::unit::parse
