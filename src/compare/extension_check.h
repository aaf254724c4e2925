// The host's part of the probe of the row "extensions": a tiny guest extension image, made on the
// fly, for the guest that is probed.
#pragma once

#include <string>

#include "base/result.h"
#include "protocol/control_message.h"
#include "sys/file.h"
#include "vmm/guest/machine.h"

namespace inro::compare {

class ExtensionCheck {
 public:
  // Makes the image, named "probe", and adds its disk and kernel parameter to the machine. The
  // image lives as long as this.
  static Result<ExtensionCheck> Attach(vmm::MachineConfig& machine);

  // `finding` is what the guest's probe said: yes only when it has read this image's text.
  protocol::Finding Finish(protocol::Finding finding) const;

 private:
  ExtensionCheck(sys::TempDir folder, std::string text)
      : folder_(std::move(folder)), text_(std::move(text)) {}
  sys::TempDir folder_;
  std::string text_;
};

}  // namespace inro::compare
