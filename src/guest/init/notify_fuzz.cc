// Messages of services to $NOTIFY_SOCKET: any bytes are taken, nothing but known fields comes out.
#include <cstdlib>
#include <string_view>

#include "guest/init/notify_socket.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto message = inro::guest::ParseNotifyMessage(text);
  if (message.ready && text.find("READY=1") == text.npos) std::abort();
  if (message.extend_timeout && message.extend_timeout->count() <= 0) std::abort();
  if (message.status && message.status->size() > size) std::abort();
  return 0;
}
