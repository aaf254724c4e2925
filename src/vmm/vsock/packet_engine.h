// Moves bytes between the guest's two virtqueues and the host's sockets: the heart of the device.
//
// From the guest: payload goes from guest memory into the host's socket in one call for a batch of
// packets; only what the socket does not take is copied, bounded by the credit that the guest was
// given. To the guest: one call reads from the host's socket into as many posted buffers as it
// fills. Without a driver (before boot, during a reboot) CONNECTs are held.
//
// Implements VIRTIO 1.1 section 5.10 (stream sockets). Single-threaded: all calls from the device's
// thread. No call blocks.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vmm/vsock/connection.h"
#include "vmm/vsock/event_loop.h"
#include "vmm/vsock/guest_memory.h"
#include "vmm/vsock/packet.h"
#include "vmm/vsock/receive_buffers.h"
#include "vmm/vsock/statistics.h"
#include "vmm/vsock/virtqueue.h"

namespace inro::vmm {

// Bounds on what hosts and guest can make the device hold.
struct VsockLimits {
  std::size_t max_connections = 4096;
  std::size_t max_held = 1024;  // handshakes and held ones, of the above
  // Bytes from the guest that a stalled host reader may leave in the device, for one connection;
  // the smaller figure once there are more than `large_connections`.
  std::uint32_t large_buffer = 256 * 1024;
  std::uint32_t small_buffer = 64 * 1024;
  std::size_t large_connections = 64;
  std::chrono::milliseconds hold{8000};     // for handshake, driver and the guest's answer together
  std::chrono::milliseconds dial{2000};     // for a host listener whose backlog is full
  std::chrono::milliseconds close{10'000};  // for the guest's reset after a shutdown
};

class PacketEngine {
 public:
  struct Options {
    std::uint64_t guest_cid = 3;
    std::string hybrid_path;  // a guest's connection to port P goes to "<hybrid_path>_P"
    VsockLimits limits;
    std::uint64_t first_token = 16;  // connections are watched under tokens from here on
  };

  // `loop` and `statistics` outlive the engine.
  PacketEngine(Options options, EventLoop& loop, VsockStatistics& statistics);
  ~PacketEngine();

  // The driver is up: starts on both rings. The descriptors are the caller's and may be invalid.
  // `fresh`: the guest's driver knows of no connection from before; else they go on.
  Result<> Start(const GuestMemory& memory, std::uint64_t features, const RingAddresses& receive,
                 int receive_call, const RingAddresses& transmit, int transmit_call);
  // The rings are taken away; connections stand still. Gives where each ring would go on.
  std::array<std::uint16_t, 2> Stop();
  void SetCalls(int receive_call, int transmit_call);
  // Ends all connections that the guest knew of; those that it did not answer yet are held again.
  void DropGuestConnections();
  bool running() const { return transmit_.running(); }

  // A host process connected to the hybrid socket.
  void OnAccepted(UniqueFd fd, Clock::time_point now);
  // Events of a connection's socket. Unknown tokens are events of the past.
  void OnHostEvents(std::uint64_t token, std::uint32_t events, Clock::time_point now);
  // Something may be to do in the rings (a kick, or after the calls above): moves what can be
  // moved.
  void Pump(Clock::time_point now);
  // What is due by now.
  void OnTime(Clock::time_point now);
  // When OnTime() and Pump() want to be called at the latest.
  Clock::time_point NextDeadline() const;

 private:
  struct OwedReset {
    std::uint32_t host_port;
    std::uint32_t guest_port;
    std::uint16_t type;
  };
  using Key = std::uint64_t;
  static Key KeyOf(std::uint32_t host_port, std::uint32_t guest_port) {
    return Key{host_port} << 32 | guest_port;
  }

  // engine_host.cc: the host's sockets.
  void ReadHandshake(Connection& connection);
  void Request(Connection& connection);
  void Dial(Connection& connection, Clock::time_point now);
  void OnHungUp(Connection& connection);
  void FlushPending(Connection& connection);
  void SocketFull(Connection& connection);
  void SocketHasRoom(Connection& connection);
  void HostStoppedReading(Connection& connection);
  void Forwarded(Connection& connection, std::uint32_t bytes);

  // engine_transmit.cc: packets from the guest.
  void DrainTransmit(Clock::time_point now);
  void ReturnTransmitted(Clock::time_point now);
  void HandleChain(Clock::time_point now);
  void Batch(Connection& connection, std::uint32_t bytes);
  void HandlePacket(const PacketHeader& header, Clock::time_point now);
  void HandleData(Connection& connection, const PacketHeader& header);
  void HandleRequest(const PacketHeader& header, Clock::time_point now);
  void HandleResponse(Connection& connection);
  void HandleShutdown(Connection& connection, const PacketHeader& header);
  void HandleReset(Connection& connection);
  void FlushBatch();

  // engine_receive.cc: packets to the guest.
  void FillReceive(Clock::time_point now);
  void ServeGuest(Connection& connection, Clock::time_point now);
  void SendControl(Connection& connection, PacketOp op, std::uint8_t paid);
  bool SendData(Connection& connection);
  bool WantsGuest(const Connection& connection) const;
  void Enqueue(Connection& connection);
  void SendReset(std::uint32_t host_port, std::uint32_t guest_port, std::uint16_t type);
  void AwaitCredit(Connection& connection, Clock::time_point now);
  void GotCredit(Connection& connection);
  PacketHeader HeaderFor(Connection& connection, PacketOp op);
  void Signal(Virtqueue& queue, int call);

  // packet_engine.cc: the table of connections.
  Connection& Create(UniqueFd fd, Connection::State state);
  void Adopt(Connection& connection, std::uint32_t host_port, std::uint32_t guest_port);
  Connection* Find(std::uint32_t host_port, std::uint32_t guest_port);
  void Detach(Connection& connection);
  void Remove(Connection& connection);
  void ResetBoth(Connection& connection);
  void SetState(Connection& connection, Connection::State state);
  void Expire(Connection& connection, Clock::time_point when);
  void StartClosing(Connection& connection, Clock::time_point now);

  Options options_;
  EventLoop& loop_;
  VsockStatistics& statistics_;

  std::unordered_map<std::uint64_t, std::unique_ptr<Connection>> connections_;  // by id
  std::unordered_map<Key, Connection*> by_ports_;  // those that the guest may name
  std::set<std::pair<Clock::time_point, std::uint64_t>> deadlines_;
  std::uint64_t next_id_;
  std::uint32_t next_host_port_ = 1U << 30;
  std::size_t waiting_ = 0;  // in handshake or held

  Virtqueue receive_;
  Virtqueue transmit_;
  int receive_call_ = -1;
  int transmit_call_ = -1;
  ReceiveBuffers buffers_;

  std::deque<std::uint64_t> line_;  // connections that wait to be served with the guest's buffers
  std::deque<OwedReset> resets_;    // for connections that are gone
  bool more_ = false;               // a ring was left before it was empty
  bool transmit_paused_ = false;    // until owed resets have gone out
  Clock::time_point signal_due_ = Clock::time_point::max();

  DescriptorChain chain_;
  // Payload of consecutive packets for one connection, not yet written.
  Connection* batch_ = nullptr;
  std::vector<iovec> batch_parts_;
  std::uint64_t batch_bytes_ = 0;
  std::vector<iovec> room_;
};

}  // namespace inro::vmm
