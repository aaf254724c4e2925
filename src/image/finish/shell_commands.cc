#include "image/finish/shell_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "image/finish/shell_lexer.h"
#include "image/finish/shell_truth.h"
#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

constexpr int kMaxDepth = 60;  // nested blocks and calls
constexpr std::size_t kMaxCommands = 4000;
constexpr std::size_t kMaxSteps = 100'000;

bool IsName(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::ranges::all_of(text, [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
}

class Reader {
 public:
  Reader(std::string_view script, std::string_view kind) : tokens_(LexShell(script)) {
    arguments_ = {std::string(kind == "preinst" ? "install" : "configure"), ""};
    variables_["DPKG_ROOT"] = "";
    variables_["DPKG_MAINTSCRIPT_NAME"] = kind;
  }

  std::vector<ShellCommand> Run() {
    while (at_ < tokens_.size()) {
      List(true);
      if (at_ < tokens_.size()) ++at_;  // a stray "fi", ")" or the like
    }
    return std::move(commands_);
  }

 private:
  // --- tokens

  bool AtWord(std::string_view text) const {
    return at_ < tokens_.size() && tokens_[at_].kind == ShellToken::kWord &&
           tokens_[at_].text == text;
  }
  bool AtOperator(std::string_view text) const {
    return at_ < tokens_.size() && tokens_[at_].kind == ShellToken::kOperator &&
           tokens_[at_].text == text;
  }
  bool TakeWord(std::string_view text) {
    if (!AtWord(text)) return false;
    ++at_;
    return true;
  }
  void SkipNewlines() {
    while (AtOperator("\n")) ++at_;
  }
  bool AtBlockEnd() const {
    if (AtOperator(")") || AtOperator(";;")) return true;
    for (const std::string_view word : {"then", "elif", "else", "fi", "do", "done", "esac", "}"}) {
      if (AtWord(word)) return true;
    }
    return false;
  }

  // --- grammar; each function leaves at_ behind what it read

  Truth List(bool live) {
    Truth last = Truth::kUnknown;
    while (at_ < tokens_.size()) {
      if (AtOperator("\n") || AtOperator(";") || AtOperator("&")) {
        ++at_;
        continue;
      }
      if (AtBlockEnd()) break;
      last = AndOr(live);
    }
    return last;
  }

  Truth AndOr(bool live) {
    Truth value = Pipeline(live);
    while (AtOperator("&&") || AtOperator("||")) {
      const bool is_and = AtOperator("&&");
      ++at_;
      SkipNewlines();
      const bool skipped = value == (is_and ? Truth::kFalse : Truth::kTrue);
      const bool doubtful = value == Truth::kUnknown;
      uncertain_ += doubtful ? 1 : 0;
      const Truth next = Pipeline(live && !skipped);
      uncertain_ -= doubtful ? 1 : 0;
      if (!skipped) value = is_and ? And(value, next) : Or(value, next);
    }
    return value;
  }

  Truth Pipeline(bool live) {
    bool negated = false;
    while (TakeWord("!")) negated = !negated;
    Truth value = Command(live);
    while (AtOperator("|")) {
      ++at_;
      SkipNewlines();
      Command(live);
      value = Truth::kUnknown;
    }
    return negated ? Not(value) : value;
  }

  Truth Command(bool live) {
    if (++steps_ > kMaxSteps || depth_ > kMaxDepth) {
      at_ = tokens_.size();
      return Truth::kUnknown;
    }
    ++depth_;
    const Truth value = CommandAt(live);
    --depth_;
    return value;
  }

  Truth CommandAt(bool live) {
    const bool reserved = at_ < tokens_.size() && tokens_[at_].kind == ShellToken::kWord;
    if (reserved && TakeWord("if")) return If(live);
    if (reserved && (TakeWord("while") || TakeWord("until"))) return Loop(live);
    if (reserved && TakeWord("for")) return For(live);
    if (reserved && TakeWord("case")) return Case(live);
    if (reserved && TakeWord("{")) {
      const Truth value = List(live);
      TakeWord("}");
      return value;
    }
    if (AtOperator("(")) {
      ++at_;
      const Truth value = List(live);
      if (AtOperator(")")) ++at_;
      return value;
    }
    if (reserved && at_ + 2 < tokens_.size() && tokens_[at_ + 1].text == "(" &&
        tokens_[at_ + 2].text == ")" && IsName(tokens_[at_].text)) {
      const std::string name = tokens_[at_].text;
      at_ += 3;
      SkipNewlines();
      functions_[name] = at_;
      Command(false);
      return Truth::kTrue;
    }
    return Simple(live);
  }

  Truth If(bool live) {
    bool open = live;  // no earlier branch was certainly taken
    int doubtful = 0;  // earlier branches that may have been
    for (bool first = true; first || TakeWord("elif"); first = false) {
      const Truth condition = List(open);
      TakeWord("then");
      Body(open && condition != Truth::kFalse, condition == Truth::kUnknown);
      if (condition == Truth::kTrue) open = false;
      if (condition == Truth::kUnknown) {
        ++doubtful;
        ++uncertain_;
      }
    }
    if (TakeWord("else")) List(open);
    uncertain_ -= doubtful;
    TakeWord("fi");
    return Truth::kUnknown;
  }

  void Body(bool live, bool doubtful) {
    uncertain_ += doubtful ? 1 : 0;
    List(live);
    uncertain_ -= doubtful ? 1 : 0;
  }

  Truth Loop(bool live) {
    List(live);
    TakeWord("do");
    Body(live, true);
    TakeWord("done");
    return Truth::kUnknown;
  }

  Truth For(bool live) {
    std::string name;
    if (at_ < tokens_.size() && tokens_[at_].kind == ShellToken::kWord) name = tokens_[at_++].text;
    std::vector<std::string> values;
    if (TakeWord("in")) {
      while (at_ < tokens_.size() && tokens_[at_].kind == ShellToken::kWord) {
        for (std::string& value : ExpandWords(tokens_[at_++].text))
          values.push_back(std::move(value));
      }
    }
    while (AtOperator("\n") || AtOperator(";")) ++at_;
    TakeWord("do");
    const std::size_t body = at_;
    variables_.erase(name);
    if (values.empty() || values.size() > 20) values.assign(1, "$" + name);
    for (const std::string& value : values) {
      at_ = body;
      if (value.find_first_of("$`*") == std::string::npos) variables_[name] = value;
      Body(live, true);
      variables_.erase(name);
    }
    TakeWord("done");
    return Truth::kUnknown;
  }

  Truth Case(bool live) {
    std::string subject;
    if (at_ < tokens_.size()) subject = Expand(tokens_[at_++].text);
    SkipNewlines();
    TakeWord("in");
    const bool known = IsKnown(subject);
    bool open = live;
    while (at_ < tokens_.size()) {
      SkipNewlines();
      if (TakeWord("esac")) break;
      if (AtOperator("(")) ++at_;
      bool matches = false;
      while (at_ < tokens_.size() && !AtOperator(")")) {
        if (tokens_[at_].kind == ShellToken::kWord) {
          matches |= !known || MatchesGlob(Expand(tokens_[at_].text), subject);
        }
        ++at_;
      }
      if (at_ < tokens_.size()) ++at_;
      Body(open && matches, !known);
      if (known && matches) open = false;
      if (AtOperator(";;")) {
        ++at_;
      } else if (!AtWord("esac") && AtBlockEnd()) {
        ++at_;  // damaged: go on
      }
    }
    return Truth::kUnknown;
  }

  Truth Simple(bool live) {
    live = live && !stopped_;
    ShellCommand command;
    std::vector<std::pair<std::string, std::string>> assignments;
    while (at_ < tokens_.size() && tokens_[at_].kind != ShellToken::kOperator) {
      const ShellToken& token = tokens_[at_++];
      command.line = token.line;
      if (token.kind == ShellToken::kRedirect) {
        const std::string target = Expand(token.text);
        if (token.output && target != "/dev/null" && !target.starts_with('&'))
          command.writes = target;
        continue;
      }
      const std::size_t equals = token.text.find('=');
      if (command.words.empty() && equals != std::string::npos &&
          IsName(std::string_view(token.text).substr(0, equals))) {
        assignments.emplace_back(token.text.substr(0, equals),
                                 Expand(token.text.substr(equals + 1)));
        continue;
      }
      for (std::string& word : ExpandWords(token.text)) command.words.push_back(std::move(word));
    }
    if (command.words.empty() && command.writes.empty()) {
      if (live) {
        for (auto& [name, value] : assignments) variables_[name] = value;
      }
      if (assignments.empty() && at_ < tokens_.size() && !AtOperator("\n") && !AtOperator(";"))
        ++at_;
      return Truth::kTrue;
    }
    if (command.words.empty()) command.words.emplace_back(":");
    command.text = fmt::format("{}", fmt::join(command.words, " "));
    const std::string& name = command.words[0];
    if (const auto function = functions_.find(name); function != functions_.end() && live) {
      return Call(function->second, command.words);
    }
    const Truth value = EvaluateCommand(command.words);
    if (!live) return value;
    if (commands_.size() < kMaxCommands) commands_.push_back(command);
    if ((name == "exit" || name == "return") && uncertain_ == 0) stopped_ = true;
    return value;
  }

  Truth Call(std::size_t body, const std::vector<std::string>& words) {
    const std::size_t back = at_;
    std::vector<std::string> outer(words.begin() + 1, words.end());
    outer.swap(arguments_);
    at_ = body;
    const bool was_stopped = std::exchange(stopped_, false);
    const std::size_t before = commands_.size();
    Command(true);
    // "exit" in a function ends the script, "return" only the function.
    const bool exited =
        stopped_ && commands_.size() > before && commands_.back().words[0] == "exit";
    stopped_ = was_stopped || exited;
    arguments_.swap(outer);
    at_ = back;
    return Truth::kUnknown;
  }

  // --- expansion

  std::optional<std::string> Value(std::string_view name) const {
    if (name.size() == 1 && name[0] >= '1' && name[0] <= '9') {
      const auto index = static_cast<std::size_t>(name[0] - '1');
      return index < arguments_.size() ? arguments_[index] : std::string();
    }
    const auto at = variables_.find(name);
    if (at == variables_.end()) return std::nullopt;
    return at->second;
  }

  // "${NAME:-text}" and relatives; nothing when the value is not known.
  std::optional<std::string> BracedValue(std::string_view inside) const {
    std::size_t end = 0;
    while (end < inside.size() && (IsName(inside.substr(0, end + 1)) ||
                                   (end == 0 && inside[0] >= '1' && inside[0] <= '9'))) {
      ++end;
    }
    const auto value = Value(inside.substr(0, end));
    const std::string_view rest = inside.substr(end);
    if (rest.empty()) return value;
    if (!value) return std::nullopt;
    if (rest.starts_with(":-") || rest.starts_with("-")) {
      return value->empty() ? std::string(rest.substr(rest.find('-') + 1)) : *value;
    }
    if (rest.starts_with(":+") || rest.starts_with("+")) {
      return value->empty() ? std::string() : std::string(rest.substr(rest.find('+') + 1));
    }
    return std::nullopt;
  }

  // Quotes are removed; what is not known stays as it is written. `unquoted_expansion` says whether
  // the value is to be split into words.
  std::string Expand(std::string_view raw, bool* unquoted_expansion = nullptr) const {
    std::string text;
    char quote = '\0';
    for (std::size_t i = 0; i < raw.size(); ++i) {
      const char c = raw[i];
      if (quote == '\'') {
        if (c == '\'')
          quote = '\0';
        else
          text += c;
      } else if (c == '\\' && i + 1 < raw.size()) {
        if (raw[i + 1] != '\n') text += raw[i + 1];
        ++i;
      } else if (c == '"' || (c == '\'' && quote == '\0')) {
        quote = quote == c ? '\0' : (quote == '\0' ? c : quote);
      } else if (c == '$' && i + 1 < raw.size()) {
        i = Dollar(raw, i, text);
        if (quote == '\0' && unquoted_expansion != nullptr) *unquoted_expansion = true;
      } else {
        text += c;
      }
    }
    return text;
  }

  // Appends the value of the expansion at raw[i]; gives the index of its last character.
  std::size_t Dollar(std::string_view raw, std::size_t i, std::string& text) const {
    std::size_t end = i + 1;
    std::optional<std::string> value;
    if (raw[end] == '{' || raw[end] == '(') {
      const char close = raw[end] == '{' ? '}' : ')';
      int depth = 0;
      const char open = raw[end];
      while (end < raw.size()) {
        if (raw[end] == open) ++depth;
        if (raw[end] == close && --depth == 0) break;
        ++end;
      }
      if (open == '{' && end < raw.size()) value = BracedValue(raw.substr(i + 2, end - i - 2));
      end = std::min(end, raw.size() - 1);
    } else if (raw[end] >= '1' && raw[end] <= '9') {
      value = Value(raw.substr(end, 1));
    } else if (std::string_view("@*#?!$-0").find(raw[end]) != std::string_view::npos) {
      text += raw.substr(i, 2);
      return end;
    } else if (!IsName(raw.substr(end, 1))) {
      text += '$';
      return i;
    } else {
      while (end + 1 < raw.size() && IsName(raw.substr(i + 1, end + 1 - i))) ++end;
      value = Value(raw.substr(i + 1, end - i));
    }
    text += value ? *value : std::string(raw.substr(i, end - i + 1));
    return end;
  }

  std::vector<std::string> ExpandWords(const std::string& raw) const {
    bool split = false;
    std::string text = Expand(raw, &split);
    // "$@" in a function stands for its arguments.
    if (text == "$@" || text == "$*") return arguments_;
    if (!split) return {std::move(text)};
    if (!IsKnown(text)) return {std::move(text)};
    return SplitWords(text);
  }

  std::vector<ShellToken> tokens_;
  std::size_t at_ = 0;
  std::map<std::string, std::size_t, std::less<>> functions_;  // where the body begins
  std::map<std::string, std::string, std::less<>> variables_;
  std::vector<std::string> arguments_;
  std::vector<ShellCommand> commands_;
  int depth_ = 0;
  int uncertain_ = 0;  // how many open conditions are not decided
  std::size_t steps_ = 0;
  bool stopped_ = false;  // behind a certain "exit" or "return"
};

}  // namespace

std::vector<ShellCommand> FirstInstallCommands(std::string_view script, std::string_view kind) {
  return Reader(script, kind).Run();
}

std::vector<AccountRequest> ParseAdduser(const std::vector<std::string>& words) {
  if (words.empty()) return {};
  const std::string_view program = words[0];
  const bool is_user = program == "adduser" || program == "useradd";
  if (!is_user && program != "addgroup" && program != "groupadd") return {};
  AccountRequest request;
  bool group_option = false;
  std::vector<std::string> names;
  static constexpr std::string_view kWithValue[] = {
      "--home",     "--uid",     "--gid",      "--ingroup", "--shell", "--gecos",    "--comment",
      "--firstuid", "--lastuid", "--firstgid", "--lastgid", "--conf",  "--home-dir", "-d",
      "-u",         "-g",        "-s",         "-c",        "-G"};
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!word.starts_with('-')) {
      names.push_back(word);
      continue;
    }
    if (word == "--system" || word == "-r") request.system = true;
    if (word == "--group") group_option = true;
    if (std::ranges::find(kWithValue, word) != std::end(kWithValue) && i + 1 < words.size()) {
      ++i;
      if (word == "--home" || word == "--home-dir" || word == "-d") request.home = words[i];
    }
  }
  if (names.empty() || names[0].find_first_of("$`") != std::string::npos) return {};
  request.name = names[0];
  request.group = !is_user || (group_option && !request.system);
  return {request};
}

}  // namespace inro::image
