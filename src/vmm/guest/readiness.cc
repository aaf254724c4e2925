#include "vmm/guest/readiness.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <optional>
#include <thread>

#include "wire/address.h"
#include "wire/hybrid.h"
#include "wire/protobuf.h"
#include "wire/ttrpc.h"

namespace inro::vmm {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr milliseconds kLookInterval{100};
constexpr std::uint64_t kServing = 1;

milliseconds Until(Clock::time_point deadline) {
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(deadline - Clock::now()));
}

// Opens the stream and asks, on a thread of its own, because the vsock device may hold an attempt
// for as long as the guest's kernel takes to come up.
class Poller {
 public:
  Poller(const Guest& guest, const ReadinessOptions& options, Clock::time_point deadline)
      : guest_(guest), port_(options.port), interval_(options.interval), deadline_(deadline) {}
  ~Poller() { Stop(); }

  Result<> Start() {
    done_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!done_) return FailErrno("make an event descriptor");
    thread_ = std::thread([this] { Run(); });
    return {};
  }
  // Ends the thread, also one that waits for an answer.
  void Stop() {
    {
      const std::lock_guard guard(mutex_);
      stopped_ = true;
      if (stream_ && !ready_) ::shutdown(stream_.get(), SHUT_RDWR);
    }
    if (thread_.joinable()) thread_.join();
  }
  // Readable when the agent has answered; Stop() first, then take.
  int done_fd() const { return done_.get(); }
  std::optional<Readiness> Take() {
    if (!ready_) return std::nullopt;
    Readiness result;
    result.at = at_;
    result.attempts = attempts_;
    result.connection = std::move(stream_);
    return result;
  }

 private:
  bool Stopped() {
    const std::lock_guard guard(mutex_);
    return stopped_ || Clock::now() >= deadline_;
  }

  // Makes `fd` the stream that Stop() shuts down; false when it is too late.
  bool Hold(UniqueFd fd) {
    const std::lock_guard guard(mutex_);
    stream_ = std::move(fd);
    return !stopped_;
  }

  Result<> Attempt() {
    const bool user = guest_.machine().vsock == VsockMode::kUser;
    wire::Address address;
    if (user) {
      address.kind = wire::Address::Kind::kUnix;
      address.path = guest_.paths().hybrid_socket();
    } else {
      address.kind = wire::Address::Kind::kVsock;
      address.cid = guest_.machine().guest_cid;
      address.port = port_;
    }
    // Without a stream Stop() cannot end this, so it must be short; it is for both kinds.
    INRO_ASSIGN(UniqueFd fd,
                wire::Connect(address, std::min(Until(deadline_), milliseconds(2000))));
    const int stream = fd.get();
    if (!Hold(std::move(fd))) return FailAs(ErrorKind::kInterrupted, "stopped");
    if (user) INRO_TRY(wire::ShakeHybrid(stream, port_, Until(deadline_)));
    return CheckHealth(stream, 1, Until(deadline_));
  }

  void Run() {
    while (!Stopped()) {
      const auto begun = Clock::now();
      ++attempts_;
      if (Attempt()) {
        const auto now = Clock::now();
        const std::lock_guard guard(mutex_);
        at_ = now;
        ready_ = true;
        break;
      }
      Hold(UniqueFd());
      std::this_thread::sleep_until(begun + interval_);
    }
    const std::uint64_t one = 1;
    (void)!::write(done_.get(), &one, sizeof one);
  }

  const Guest& guest_;
  const std::uint32_t port_;
  const milliseconds interval_;
  const Clock::time_point deadline_;
  UniqueFd done_;
  std::thread thread_;
  std::mutex mutex_;
  bool stopped_ = false;
  UniqueFd stream_;
  bool ready_ = false;
  Clock::time_point at_;  // these two: read after the thread has ended
  unsigned attempts_ = 0;
};

// Reads what the console got meanwhile.
void Look(ConsoleTail& tail, BootWatch& watch, const ReadinessOptions& options) {
  watch.Feed(tail.Read(), Clock::now());
  if (options.progress) options.progress(watch);
}

std::unexpected<Error> NotReady(ErrorKind kind, std::string_view why, const BootWatch& watch,
                                const ReadinessOptions& options) {
  return FailAs(kind, "the guest is not ready: {}\n{}", why, watch.Explain(options.console_lines));
}

}  // namespace

Result<> CheckHealth(int fd, std::uint32_t stream, milliseconds timeout) {
  const Clock::time_point deadline = Clock::now() + timeout;
  wire::Request request;
  request.service = "grpc.Health";
  request.method = "Check";
  request.timeout_nano = std::chrono::nanoseconds(timeout).count();
  const std::string frame =
      wire::EncodeFrame(wire::FrameType::kRequest, stream, wire::Encode(request));
  if (::send(fd, frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size())) {
    return FailAs(ErrorKind::kClosed, "Health/Check: the agent hung up");
  }
  wire::FrameReader reader;
  while (true) {
    pollfd polled{fd, POLLIN, 0};
    const int ready = ::poll(
        &polled, 1, static_cast<int>(std::min<std::int64_t>(Until(deadline).count(), 1 << 30)));
    if (ready < 0 && errno != EINTR) return FailErrno("Health/Check: poll");
    if (ready == 0) return FailAs(ErrorKind::kTimeout, "Health/Check: no answer in time");
    char buffer[4096];
    const ssize_t got = ready < 0 ? -1 : ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) {
      return FailAs(ErrorKind::kClosed, "Health/Check: the agent hung up");
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return FailErrno("Health/Check: read");
    std::string_view input(buffer, static_cast<std::size_t>(got));
    wire::FrameReader::Frame answer;
    while (reader.Take(input, answer)) {
      if (answer.header.stream != stream) continue;
      wire::Response response;
      if (answer.too_long || !wire::Decode(answer.data, response)) {
        return Fail("Health/Check: malformed answer");
      }
      if (!response.status.ok()) return Fail("Health/Check: {}", response.status.message);
      wire::WireReader fields(response.payload);
      for (wire::WireField field; fields.Next(field);) {
        if (field.field == 1 && field.number == kServing) return {};
      }
      return Fail("Health/Check: the agent does not say SERVING");
    }
  }
}

Result<Readiness> WaitReady(Guest& guest, BootWatch& watch, const ReadinessOptions& options) {
  const Clock::time_point deadline = guest.exec_time() + options.timeout;
  ConsoleTail tail(guest.paths().console_log());
  Poller poller(guest, options, deadline);
  INRO_TRY(poller.Start());
  while (true) {
    pollfd polled[2] = {{poller.done_fd(), POLLIN, 0}, {guest.exit_fd(), POLLIN, 0}};
    const milliseconds wait = std::min(kLookInterval, Until(deadline));
    if (::poll(polled, 2, static_cast<int>(wait.count())) < 0 && errno != EINTR) {
      return FailErrno("wait for the guest");
    }
    if ((polled[0].revents & POLLIN) != 0) {
      poller.Stop();
      if (auto ready = poller.Take()) {
        ready->since_exec = ready->at - guest.exec_time();
        watch.Mark(BootStep::kAgent, ready->at);
        Look(tail, watch, options);
        return std::move(*ready);
      }
    }
    Look(tail, watch, options);
    if (polled[1].revents != 0) {
      const auto exit = guest.WaitExit(milliseconds(0));
      if (!exit) return NotReady(ErrorKind::kFailed, exit.error().ToString(), watch, options);
      if (*exit) {
        Look(tail, watch, options);
        std::string why = "QEMU " + (*exit)->ToString();
        if (const std::string log = guest.LogTail(); !log.empty()) why += ": " + log;
        return NotReady(ErrorKind::kFailed, why, watch, options);
      }
    }
    if (const BootFault* fault = watch.fatal()) {
      return NotReady(ErrorKind::kFailed, fault->line, watch, options);
    }
    if (options.stop.stop_requested()) {
      return FailAs(ErrorKind::kInterrupted, "interrupted while the guest was booting");
    }
    if (Clock::now() >= deadline) {
      return NotReady(ErrorKind::kTimeout,
                      fmt::format("no answer after {} s", options.timeout.count() / 1000.0), watch,
                      options);
    }
  }
}

}  // namespace inro::vmm
