#include "guest/trace/bus_signal.h"

#include <algorithm>

#include "guest/trace/bus_cursor.h"
#include "protocol/trace_context.h"

namespace inro::guest::trace {
namespace {

constexpr std::size_t kFixedHeader = 16;
constexpr std::size_t kLineLimit = 512;
constexpr std::size_t kSpecLimit = std::size_t{128} << 20;
constexpr char kSignal = 4;
constexpr char kPath = 1;
constexpr char kMember = 3;
constexpr std::string_view kUnitPath = "/org/freedesktop/systemd1/unit/";

struct Header {
  std::string_view path;
  std::string_view member;
};

bool ParseHeader(std::string_view message, std::size_t end, Header& header) {
  BusCursor cursor(message.substr(0, end), kFixedHeader);
  while (cursor.at() < end) {
    char code = 0;
    std::string_view type;
    if (!cursor.Align(8) || !cursor.Byte(code) || !cursor.Signature(type)) return false;
    std::string_view text;
    if (type == "s" || type == "o") {
      if (!cursor.Text(text)) return false;
    } else if (!cursor.Skip(type)) {
      return false;
    }
    if (code == kPath) header.path = text;
    if (code == kMember) header.member = text;
  }
  return true;
}

// The body of PropertiesChanged: interface, array of (name, variant), names that have no value.
bool ParseProperties(std::string_view body, UnitChange& change) {
  BusCursor cursor(body, 0);
  std::string_view interface;
  std::uint32_t size = 0;
  if (!cursor.Text(interface) || !cursor.Word(size) || !cursor.Align(8)) return false;
  if (size > body.size() - cursor.at()) return false;
  const std::size_t end = cursor.at() + size;
  while (cursor.at() < end) {
    std::string_view name;
    std::string_view type;
    if (!cursor.Align(8) || !cursor.Text(name) || !cursor.Signature(type)) return false;
    std::string_view text;
    std::uint64_t number = 0;
    if (type == "s") {
      if (!cursor.Text(text)) return false;
      change.properties.emplace_back(name, text);
    } else if (type == "t") {
      if (!cursor.LongWord(number)) return false;
      change.properties.emplace_back(name, std::to_string(number));
    } else if (!cursor.Skip(type)) {
      return false;
    }
  }
  return true;
}

std::size_t FieldsEnd(std::string_view header) {
  std::uint32_t size = 0;
  BusCursor(header, 12).Word(size);
  return kFixedHeader + size;
}

std::size_t BodyStart(std::string_view header) { return (FieldsEnd(header) + 7) / 8 * 8; }

bool TakeMessage(std::string_view message, std::vector<UnitChange>& changes) {
  Header header;
  if (!ParseHeader(message, FieldsEnd(message), header)) return false;
  if (message[1] != kSignal || header.member != "PropertiesChanged" ||
      !header.path.starts_with(kUnitPath)) {
    return true;
  }
  UnitChange change{UnescapedBusName(header.path.substr(kUnitPath.size())), {}};
  if (!ParseProperties(message.substr(BodyStart(message)), change)) return false;
  if (!change.properties.empty()) changes.push_back(std::move(change));
  return true;
}

}  // namespace

std::string BusGreeting() {
  std::string greeting(1, '\0');
  greeting += "AUTH EXTERNAL 30\r\nBEGIN\r\n";  // "30": the digit 0 in hexadecimal
  return greeting;
}

std::string UnescapedBusName(std::string_view label) {
  std::string name;
  for (std::size_t i = 0; i < label.size(); ++i) {
    const auto byte = label[i] == '_' ? protocol::FromHex(label.substr(i + 1, 2)) : std::nullopt;
    if (byte && byte->size() == 1) {
      name += *byte;
      i += 2;
    } else {
      name += label[i];
    }
  }
  return name;
}

bool BusReader::Take(std::string_view bytes, std::vector<UnitChange>& changes) {
  const std::size_t skipped = std::min(skip_, bytes.size());
  skip_ -= skipped;
  bytes.remove_prefix(skipped);
  held_ += bytes;
  std::string_view rest = held_;
  if (!begun_) {
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) return rest.size() <= kLineLimit;
    if (!rest.starts_with("OK ")) return false;
    rest.remove_prefix(end + 2);
    begun_ = true;
  }
  while (rest.size() >= kFixedHeader) {
    std::uint32_t body = 0;
    BusCursor(rest, 4).Word(body);
    const std::size_t start = BodyStart(rest);
    if (rest[0] != 'l' || rest[3] != 1 || body > kSpecLimit || start > kSpecLimit) return false;
    const std::size_t size = start + body;
    if (size > kMessageLimit) {
      const std::size_t here = std::min(size, rest.size());
      skip_ = size - here;
      rest.remove_prefix(here);
      continue;
    }
    if (rest.size() < size) break;
    if (!TakeMessage(rest.substr(0, size), changes)) return false;
    rest.remove_prefix(size);
  }
  held_.erase(0, held_.size() - rest.size());
  return true;
}

}  // namespace inro::guest::trace
