// What the bus sends to the child that waits for a name.
#include <cstddef>
#include <cstdint>

#include "guest/init/bus_name_wait.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = inro::guest::ParseBusMessage({reinterpret_cast<const char*>(data), size});
  if (message && message->kind == inro::guest::BusMessage::Kind::kOwnerChanged &&
      message->name.size() > size) {
    __builtin_trap();
  }
  return 0;
}
