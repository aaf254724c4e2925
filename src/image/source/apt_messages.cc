#include "image/source/apt_messages.h"

#include <apt-pkg/error.h>

namespace inro::image {

std::string TakeAptMessages() {
  std::string errors;
  std::string warnings;
  while (!_error->empty(GlobalError::DEBUG)) {
    std::string text;
    std::string& all = _error->PopMessage(text) ? errors : warnings;
    if (!all.empty()) all += "; ";
    all += text;
  }
  if (!errors.empty()) return errors;
  return warnings.empty() ? "no reason given" : warnings;
}

}  // namespace inro::image
