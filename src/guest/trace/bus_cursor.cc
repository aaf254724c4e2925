#include "guest/trace/bus_cursor.h"

namespace inro::guest::trace {
namespace {

// The alignment of a type by its first letter; 0 when there is no such type.
std::size_t AlignmentOf(char type) {
  switch (type) {
    case 'y':
    case 'g':
    case 'v':
      return 1;
    case 'n':
    case 'q':
      return 2;
    case 'b':
    case 'i':
    case 'u':
    case 'h':
    case 's':
    case 'o':
    case 'a':
      return 4;
    case 'x':
    case 't':
    case 'd':
    case '(':
    case '{':
      return 8;
    default:
      return 0;
  }
}

// The length of the first complete type of a signature; 0 when there is none.
std::size_t FirstType(std::string_view signature) {
  std::size_t at = 0;
  while (at < signature.size() && signature[at] == 'a') ++at;
  if (at >= signature.size()) return 0;
  if (signature[at] != '(' && signature[at] != '{') return AlignmentOf(signature[at]) ? at + 1 : 0;
  int open = 0;
  for (; at < signature.size(); ++at) {
    if (signature[at] == '(' || signature[at] == '{') ++open;
    if (signature[at] == ')' || signature[at] == '}') --open;
    if (open == 0) return at + 1;
  }
  return 0;
}

}  // namespace

bool BusCursor::Align(std::size_t to) {
  at_ = (at_ + to - 1) / to * to;
  return at_ <= bytes_.size();
}

bool BusCursor::Take(std::size_t size, std::string_view& value) {
  if (at_ > bytes_.size() || size > bytes_.size() - at_) {
    at_ = bytes_.size() + 1;
    return false;
  }
  value = bytes_.substr(at_, size);
  at_ += size;
  return true;
}

bool BusCursor::Byte(char& value) {
  std::string_view byte;
  if (!Take(1, byte)) return false;
  value = byte.front();
  return true;
}

bool BusCursor::Word(std::uint32_t& value) {
  std::string_view bytes;
  if (!Align(4) || !Take(4, bytes)) return false;
  value = 0;
  for (std::size_t i = 4; i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return true;
}

bool BusCursor::LongWord(std::uint64_t& value) {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
  if (!Align(8) || !Word(low) || !Word(high)) return false;
  value = std::uint64_t{high} << 32 | low;
  return true;
}

bool BusCursor::Text(std::string_view& value) {
  std::uint32_t size = 0;
  std::string_view end;
  return Word(size) && Take(size, value) && Take(1, end) && end.front() == '\0';
}

bool BusCursor::Signature(std::string_view& value) {
  char size = 0;
  std::string_view end;
  return Byte(size) && Take(static_cast<unsigned char>(size), value) && Take(1, end) &&
         end.front() == '\0';
}

bool BusCursor::Skip(std::string_view signature) {
  while (!signature.empty()) {
    if (!SkipOne(signature, 0)) return false;
  }
  return true;
}

bool BusCursor::SkipOne(std::string_view& signature, int depth) {
  const std::size_t length = FirstType(signature);
  if (length == 0 || depth > kMostDepth) return false;
  std::string_view type = signature.substr(0, length);
  signature.remove_prefix(length);
  std::string_view text;
  std::uint32_t size = 0;
  switch (type.front()) {
    case 's':
    case 'o':
      return Text(text);
    case 'g':
      return Signature(text);
    case 'v':
      if (!Signature(text) || FirstType(text) != text.size()) return false;
      return SkipOne(text, depth + 1);
    case 'a':
      // The padding before the first element does not count, and is there without one too.
      return Word(size) && Align(AlignmentOf(type[1])) && Take(size, text);
    case '(':
    case '{':
      type = type.substr(1, type.size() - 2);
      if (!Align(8)) return false;
      while (!type.empty()) {
        if (!SkipOne(type, depth + 1)) return false;
      }
      return true;
    default:
      // Numbers are as long as they are aligned.
      return Align(AlignmentOf(type.front())) && Take(AlignmentOf(type.front()), text);
  }
}

}  // namespace inro::guest::trace
