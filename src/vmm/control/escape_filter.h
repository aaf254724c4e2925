// The way out of a raw terminal session: Ctrl-], or "~." at the start of a line.
#pragma once

#include <string>

namespace inro::vmm {

// Follows what is typed, over any split into pieces. A '~' at the start of a line is held back
// until the next byte is known; "~~" sends one.
class EscapeFilter {
 public:
  // Changes `typed` to what is to be sent; false when the user has asked to leave.
  bool Pass(std::string& typed);

 private:
  bool line_start_ = true;
  bool held_ = false;  // a '~' at the start of a line
};

}  // namespace inro::vmm
