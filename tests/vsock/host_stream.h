// A host process's end of a connection to the guest, through a hybrid socket. Blocking; all waits
// end after a minute.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::vsock_guest {

// Ports of the guest program.
inline constexpr std::uint32_t kEchoPort = 5000;
inline constexpr std::uint32_t kCountPort = 5001;
inline constexpr std::uint32_t kSourcePort = 5002;
inline constexpr std::uint32_t kDialPort = 5003;
inline constexpr std::uint32_t kRebootPort = 5004;
inline constexpr std::uint32_t kSinkPort = 5005;
inline constexpr std::uint32_t kStallingSinkPort = 5006;
inline constexpr std::uint32_t kCountedSinkPort = 5007;

class HostStream {
 public:
  // Sends CONNECT and waits for OK. Error kClosed: the device closed it instead.
  static Result<HostStream> Connect(const std::string& hybrid_socket, std::uint32_t port);
  // Sends CONNECT only.
  static Result<HostStream> Begin(const std::string& hybrid_socket, std::uint32_t port);
  Result<> AwaitOk();

  // Error kClosed when the other side ended or reset the stream.
  Result<> Write(const void* bytes, std::size_t size);
  Result<> Read(void* bytes, std::size_t size);
  // What is there, at least a byte; 0 at the end.
  Result<std::size_t> ReadSome(void* bytes, std::size_t size);
  void FinishWriting();
  void Close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

  // One message there and back. An error when it comes back different.
  Result<> Echo(std::string_view message);

  explicit HostStream(UniqueFd fd);

 private:
  UniqueFd fd_;
};

// Listens where the guest's connections to this host port arrive.
Result<UniqueFd> ListenForGuest(const std::string& hybrid_socket, std::uint32_t port);
Result<HostStream> AcceptGuest(const UniqueFd& listener);

}  // namespace inro::vsock_guest
