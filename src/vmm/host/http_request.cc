#include "vmm/host/http_request.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace inro::vmm {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool Number(std::string_view text, int base, std::size_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

HttpRequestReader::Outcome HttpRequestReader::Bad(Outcome outcome) {
  state_ = State::kBad;
  return outcome;
}

HttpRequestReader::Outcome HttpRequestReader::TakeHead(std::string_view& input) {
  const std::size_t before = held_.size();
  held_ += input.substr(0, kHeadLimit + 4 - std::min(before, kHeadLimit));
  const std::size_t end = held_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    if (held_.size() > kHeadLimit) return Bad(Outcome::kTooLong);
    input = {};
    return Outcome::kMore;
  }
  input.remove_prefix(end + 4 - before);
  request_ = {};
  left_ = 0;
  chunked_ = has_length_ = false;
  const std::string head = held_.substr(0, end);
  held_.clear();
  if (!ParseHead(head)) return Bad(Outcome::kMalformed);
  if (left_ > kBodyLimit) return Bad(Outcome::kTooLong);
  state_ = chunked_ ? State::kChunkSize : State::kBody;
  return request_.expects_continue ? Outcome::kContinue : Outcome::kDone;
}

bool HttpRequestReader::ParseHead(std::string_view head) {
  const std::size_t line_end = std::min(head.find("\r\n"), head.size());
  const std::string_view line = head.substr(0, line_end);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || first == 0) return false;
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
  request_.method = line.substr(0, first);
  request_.target = line.substr(first + 1, last - first - 1);
  request_.keep_alive = version == "HTTP/1.1";
  head.remove_prefix(std::min(line_end + 2, head.size()));
  while (!head.empty()) {
    const std::size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view field = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const std::size_t colon = field.find(':');
    // White space before the colon is how requests are smuggled.
    if (colon == std::string_view::npos || colon == 0 || field[colon - 1] == ' ') return false;
    if (!ParseField(Lower(field.substr(0, colon)), Trimmed(field.substr(colon + 1)))) return false;
  }
  // Two ways to say where the body ends are one too many.
  return !(chunked_ && has_length_);
}

bool HttpRequestReader::ParseField(std::string_view name, std::string_view value) {
  if (name == "content-length") {
    const std::size_t before = left_;
    if (!Number(value, 10, left_)) return false;
    return !std::exchange(has_length_, true) || left_ == before;
  }
  if (name == "transfer-encoding") {
    chunked_ = Lower(value) == "chunked";
    return chunked_;
  }
  if (name == "content-type")
    request_.content_type = Lower(Trimmed(value.substr(0, value.find(';'))));
  if (name == "content-encoding") request_.content_encoding = Lower(value);
  if (name == "expect") request_.expects_continue = Lower(value) == "100-continue";
  if (name == "connection" && Lower(value) == "close") request_.keep_alive = false;
  if (name == "connection" && Lower(value) == "keep-alive") request_.keep_alive = true;
  return true;
}

bool HttpRequestReader::TakeLine(std::string_view& input, std::string& line) {
  while (!input.empty()) {
    held_ += input.front();
    input.remove_prefix(1);
    if (!held_.ends_with("\r\n")) continue;
    line = held_.substr(0, held_.size() - 2);
    held_.clear();
    return true;
  }
  return false;
}

HttpRequestReader::Outcome HttpRequestReader::Take(std::string_view& input, HttpRequest& request) {
  std::string line;
  while (true) {
    switch (state_) {
      case State::kBad:
        return Outcome::kMalformed;
      case State::kHead: {
        const Outcome head = TakeHead(input);
        if (head != Outcome::kDone) return head;
        break;
      }
      case State::kBody:
      case State::kChunk: {
        const std::size_t size = std::min(left_, input.size());
        request_.body += input.substr(0, size);
        input.remove_prefix(size);
        left_ -= size;
        if (left_ > 0) return Outcome::kMore;
        if (state_ == State::kChunk) {
          state_ = State::kChunkEnd;
          break;
        }
        state_ = State::kHead;
        request = std::exchange(request_, {});
        return Outcome::kDone;
      }
      case State::kChunkSize:
        if (!TakeLine(input, line)) {
          return held_.size() > 256 ? Bad(Outcome::kMalformed) : Outcome::kMore;
        }
        line.resize(std::min(line.find(';'), line.size()));
        if (!Number(Trimmed(line), 16, left_)) return Bad(Outcome::kMalformed);
        if (left_ > kBodyLimit || request_.body.size() + left_ > kBodyLimit) {
          return Bad(Outcome::kTooLong);
        }
        state_ = left_ == 0 ? State::kTrailer : State::kChunk;
        break;
      case State::kChunkEnd:
        if (!TakeLine(input, line)) {
          return held_.size() > 2 ? Bad(Outcome::kMalformed) : Outcome::kMore;
        }
        if (!line.empty()) return Bad(Outcome::kMalformed);
        state_ = State::kChunkSize;
        break;
      case State::kTrailer:
        if (!TakeLine(input, line)) {
          return held_.size() > kHeadLimit ? Bad(Outcome::kMalformed) : Outcome::kMore;
        }
        if (!line.empty()) break;  // a trailer field: of no interest
        state_ = State::kHead;
        request = std::exchange(request_, {});
        return Outcome::kDone;
    }
  }
}

}  // namespace inro::vmm
