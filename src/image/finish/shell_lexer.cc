#include "image/finish/shell_lexer.h"

#include <algorithm>

namespace inro::image {
namespace {

class Lexer {
 public:
  explicit Lexer(std::string_view script) : script_(script) {}

  std::vector<ShellToken> Run() {
    while (at_ < script_.size()) Step();
    return std::move(tokens_);
  }

 private:
  struct HereDocument {
    std::string end;
    bool strip_tabs = false;
  };

  char Peek(std::size_t ahead = 0) const {
    return at_ + ahead < script_.size() ? script_[at_ + ahead] : '\0';
  }

  char Take() {
    const char c = script_[at_++];
    if (c == '\n') ++line_;
    return c;
  }

  void Emit(ShellToken::Kind kind, std::string text, bool output = false) {
    tokens_.push_back({kind, std::move(text), output, line_});
  }

  void SkipBlanks() {
    while (at_ < script_.size()) {
      if (Peek() == ' ' || Peek() == '\t' || Peek() == '\r') {
        Take();
      } else if (Peek() == '\\' && Peek(1) == '\n') {
        Take();
        Take();
      } else {
        return;
      }
    }
  }

  void Step() {
    SkipBlanks();
    if (at_ >= script_.size()) return;
    const char c = Peek();
    if (c == '#') {
      while (at_ < script_.size() && Peek() != '\n') Take();
      return;
    }
    if (c == '\n') {
      Emit(ShellToken::kOperator, "\n");
      Take();
      SkipHereDocuments();
      return;
    }
    if (c == '<' || c == '>' || (c == '&' && Peek(1) == '>')) return Redirect();
    if (c == '&' || c == '|' || c == ';') {
      Take();
      std::string text(1, c);
      if (Peek() == c) text += Take();
      Emit(ShellToken::kOperator, text);
      return;
    }
    if (c == '(' || c == ')') {
      Emit(ShellToken::kOperator, std::string(1, Take()));
      return;
    }
    std::string word = Word();
    const bool number =
        !word.empty() && std::ranges::all_of(word, [](char d) { return d >= '0' && d <= '9'; });
    if (number && (Peek() == '<' || Peek() == '>')) return Redirect();
    Emit(ShellToken::kWord, std::move(word));
  }

  void Redirect() {
    std::string symbol;
    while (Peek() == '<' || Peek() == '>' || Peek() == '&' || Peek() == '|') symbol += Take();
    if (symbol == "<<" && Peek() == '-') {
      Take();
      symbol = "<<-";
    }
    SkipBlanks();
    std::string word = Peek() == '\n' ? "" : Word();
    if (symbol == "<<" || symbol == "<<-") {
      std::erase_if(word, [](char c) { return c == '\'' || c == '"' || c == '\\'; });
      if (!word.empty()) here_.push_back({word, symbol == "<<-"});
      return;
    }
    const bool output = symbol.find('>') != std::string::npos && symbol != ">&";
    Emit(ShellToken::kRedirect, std::move(word), output);
  }

  void SkipHereDocuments() {
    for (const HereDocument& document : here_) {
      while (at_ < script_.size()) {
        std::size_t end = script_.find('\n', at_);
        if (end == std::string_view::npos) end = script_.size();
        std::string_view text = script_.substr(at_, end - at_);
        at_ = std::min(end + 1, script_.size());
        ++line_;
        if (document.strip_tabs) {
          while (text.starts_with('\t')) text.remove_prefix(1);
        }
        if (text == document.end) break;
      }
    }
    here_.clear();
  }

  // A word with all that its quotes and expansions hold together.
  std::string Word() {
    std::string word;
    while (at_ < script_.size()) {
      const char c = Peek();
      if (c == '\\') {
        word += Take();
        if (at_ < script_.size()) word += Take();
      } else if (c == '\'') {
        word += Take();
        while (at_ < script_.size() && Peek() != '\'') word += Take();
        if (at_ < script_.size()) word += Take();
      } else if (c == '"') {
        DoubleQuotes(word);
      } else if (c == '`') {
        Backquotes(word);
      } else if (c == '$' && (Peek(1) == '(' || Peek(1) == '{')) {
        Expansion(word);
      } else if (std::string_view(" \t\r\n;&|()<>").find(c) != std::string_view::npos) {
        break;
      } else {
        word += Take();
      }
    }
    return word;
  }

  void DoubleQuotes(std::string& word) {
    word += Take();
    while (at_ < script_.size() && Peek() != '"') {
      if (Peek() == '\\') {
        word += Take();
        if (at_ < script_.size()) word += Take();
      } else if (Peek() == '`') {
        Backquotes(word);
      } else if (Peek() == '$' && (Peek(1) == '(' || Peek(1) == '{')) {
        Expansion(word);
      } else {
        word += Take();
      }
    }
    if (at_ < script_.size()) word += Take();
  }

  void Backquotes(std::string& word) {
    word += Take();
    while (at_ < script_.size() && Peek() != '`') word += Take();
    if (at_ < script_.size()) word += Take();
  }

  // "$(...)" and "${...}", with what is nested in them. Quotes hide brackets.
  void Expansion(std::string& word) {
    word += Take();
    const char open = Take();
    const char close = open == '(' ? ')' : '}';
    word += open;
    int depth = 1;
    char quote = '\0';
    while (at_ < script_.size() && depth > 0) {
      const char c = Take();
      word += c;
      if (c == '\\' && quote != '\'' && at_ < script_.size()) {
        word += Take();
      } else if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '\'' || c == '"') {
        quote = c;
      } else if (c == open) {
        ++depth;
      } else if (c == close) {
        --depth;
      }
    }
  }

  std::string_view script_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::vector<ShellToken> tokens_;
  std::vector<HereDocument> here_;
};

}  // namespace

std::vector<ShellToken> LexShell(std::string_view script) { return Lexer(script).Run(); }

}  // namespace inro::image
