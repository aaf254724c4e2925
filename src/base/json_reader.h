// Reads JSON (RFC 8259) as far as it is flat, for programs too small for a JSON library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace inro {

// Takes tokens off the front of a text, which must outlive it. What returns false has taken nothing
// that can be used: the text is not what was asked for.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : rest_(text) {}

  void SkipBlanks();
  bool TakeChar(char c);
  bool TakeString(std::string& out);
  // A string, or (`raw`) a number or word as it stands.
  bool TakeValue(std::string& out, bool& raw);
  bool AtEnd();

 private:
  bool TakeHex(std::uint32_t& code);
  bool TakeEscape(std::string& out);

  std::string_view rest_;
};

// Calls visit(key, value, raw) for each member of a flat object; false when `text` is none, maybe
// after some calls.
template <class Visit>
bool ForEachJsonMember(std::string_view text, Visit visit) {
  JsonReader reader(text);
  if (!reader.TakeChar('{')) return false;
  if (reader.TakeChar('}')) return reader.AtEnd();
  std::string key;
  std::string value;
  do {
    bool raw = false;
    if (!reader.TakeString(key) || !reader.TakeChar(':') || !reader.TakeValue(value, raw)) {
      return false;
    }
    visit(key, value, raw);
  } while (reader.TakeChar(','));
  return reader.TakeChar('}') && reader.AtEnd();
}

}  // namespace inro
