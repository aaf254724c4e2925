#include "guest/trace/http_answer.h"

#include <algorithm>
#include <charconv>

namespace inro::guest::trace {
namespace {

constexpr std::size_t kBodyLimit = std::size_t{1} << 20;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool SameWord(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, Lower, Lower);
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool Number(std::string_view text, std::size_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

HttpAnswer::State HttpAnswer::Take(std::string_view bytes) {
  if (state_ != State::kReading) return state_;
  if (!in_body_) {
    const std::size_t searched = head_.size() < 3 ? 0 : head_.size() - 3;
    head_ += bytes;
    const std::size_t end = head_.find("\r\n\r\n", searched);
    if (end == std::string::npos) {
      return state_ = head_.size() > kHeadLimit ? State::kMalformed : State::kReading;
    }
    if (!ParseHead(std::string_view(head_).substr(0, end))) return state_ = State::kMalformed;
    const std::string rest = head_.substr(end + 4);
    head_.clear();
    // 100 Continue and the like: the answer proper follows.
    if (status_ < 200) return rest.empty() ? state_ : Take(rest);
    in_body_ = true;
    return Take(rest);
  }
  if (bytes.size() > body_left_) keep_alive_ = false;  // more than was announced
  body_left_ -= std::min(body_left_, bytes.size());
  if (body_left_ == 0 || !keep_alive_) state_ = State::kDone;
  return state_;
}

bool HttpAnswer::ParseHead(std::string_view head) {
  const std::size_t line_end = std::min(head.find("\r\n"), head.size());
  const std::string_view line = head.substr(0, line_end);
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ') return false;
  std::size_t status = 0;
  if (!Number(line.substr(9, 3), status) || status < 100 || status > 599) return false;
  status_ = static_cast<int>(status);
  keep_alive_ = line[7] == '1';
  bool length_known = status == 204 || status < 200;
  body_left_ = 0;
  head.remove_prefix(std::min(line_end + 2, head.size()));
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view field = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const std::size_t colon = field.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view name = field.substr(0, colon);
    const std::string_view value = Trimmed(field.substr(colon + 1));
    if (SameWord(name, "content-length") && !length_known) {
      if (!Number(value, body_left_) || body_left_ > kBodyLimit) return false;
      length_known = true;
    }
    if (SameWord(name, "connection") && SameWord(value, "close")) keep_alive_ = false;
    if (SameWord(name, "transfer-encoding")) keep_alive_ = false;
  }
  if (!length_known) keep_alive_ = false;
  return true;
}

}  // namespace inro::guest::trace
