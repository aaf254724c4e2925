#include "vmm/control/escape_filter.h"

namespace inro::vmm {
namespace {

constexpr char kLeave = 0x1d;  // Ctrl-]

}  // namespace

bool EscapeFilter::Pass(std::string& typed) {
  std::string sent;
  for (const char c : typed) {
    if (c == kLeave) return false;
    if (held_) {
      held_ = false;
      line_start_ = false;
      if (c == '.') return false;
      sent += '~';
      if (c == '~') continue;
    }
    if (c == '~' && line_start_) {
      held_ = true;
      continue;
    }
    sent += c;
    line_start_ = c == '\r' || c == '\n';
  }
  typed = std::move(sent);
  return true;
}

}  // namespace inro::vmm
