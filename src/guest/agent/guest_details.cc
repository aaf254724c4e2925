#include "guest/agent/guest_details.h"

#include <unistd.h>

#include <charconv>

#include "guest/agent/storage.h"
#include "sys/file.h"

namespace inro::guest::agent {

protocol::GuestDetailsResponse ReadGuestDetails(const protocol::GuestDetailsRequest& request,
                                                const std::string& sysfs) {
  protocol::GuestDetailsResponse details;
  if (request.mem_block_size) {
    const std::string text =
        sys::ReadFile(sysfs + "/devices/system/memory/block_size_bytes").value_or("");
    // Hexadecimal without a prefix; what follows the digits is a newline.
    std::from_chars(text.data(), text.data() + text.size(), details.mem_block_size_bytes, 16);
  }
  if (request.mem_hotplug_probe) {
    details.support_mem_hotplug_probe = sys::Exists(sysfs + "/devices/system/memory/probe");
  }
  details.agent_details = protocol::AgentDetails{
      .version = INRO_VERSION,
      .init_daemon = ::getpid() == 1,
      .device_handlers = {},
      .storage_handlers = StorageDrivers(),
      .supports_seccomp = false,
      .extra_features = {},
  };
  return details;
}

}  // namespace inro::guest::agent
