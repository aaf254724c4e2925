#include "vmm/control/exec_session.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/unique_fd.h"
#include "sys/file.h"
#include "vmm/control/control_call.h"

namespace inro::vmm {
namespace {

constexpr std::size_t kInputChunk = 64 << 10;
constexpr std::chrono::seconds kStartLimit{60};
constexpr std::chrono::seconds kTellLimit{5};

}  // namespace

int StatusOfFailedStart(const protocol::ExecStartResponse& answer) {
  return answer.error == ENOENT ? 127 : 126;
}

Result<protocol::ExecStartResponse> ExecSession::Start(const protocol::ExecStartRequest& request) {
  INRO_ASSIGN(auto answer,
              CallControl<protocol::ExecStartResponse>(client_, "ExecStart", request,
                                                       Deadline::clock::now() + kStartLimit));
  id_ = answer.id;
  terminal_ = request.terminal;
  return answer;
}

void ExecSession::Tell(std::string_view method, std::string payload) {
  wire::Request request;
  request.service = protocol::kControlService;
  request.method = method;
  request.payload = std::move(payload);
  (void)client_.Send(request, Deadline::clock::now() + kTellLimit);
}

void ExecSession::Signal(int signal) {
  Tell("ExecSignal",
       protocol::Encode(protocol::ExecSignalRequest{id_, static_cast<std::uint32_t>(signal)}));
}

void ExecSession::Resize(std::uint32_t rows, std::uint32_t columns) {
  Tell("ExecResize", protocol::Encode(protocol::ExecResizeRequest{id_, rows, columns}));
}

// Ends with the input, with `stop_fd`, or when nobody reads it in the guest.
void ExecSession::SendInput(const Streams& streams, int stop_fd, bool& detached) {
  protocol::ExecWriteRequest request;
  request.id = id_;
  while (!request.eof) {
    request.data.clear();
    if (streams.in < 0) {
      request.eof = true;
    } else {
      pollfd waiting[2] = {{streams.in, POLLIN, 0}, {stop_fd, POLLIN, 0}};
      if (::poll(waiting, 2, -1) < 0) continue;
      if (waiting[1].revents != 0) return;
      request.data.resize(kInputChunk);
      const ssize_t got = ::read(streams.in, request.data.data(), request.data.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      request.data.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
      request.eof = got <= 0;
      if (streams.filter && !request.data.empty() && !streams.filter(request.data)) {
        detached = true;
        return;
      }
      if (request.data.empty() && !request.eof) continue;
    }
    const auto answer = CallControl<protocol::ExecWriteResponse>(client_, "ExecWrite", request);
    if (!answer || answer->closed) return;
  }
}

Result<> ExecSession::TakeOutput(protocol::ExecStream stream, int fd) {
  while (true) {
    INRO_ASSIGN(
        const auto answer,
        CallControl<protocol::ExecReadResponse>(
            client_, "ExecRead", protocol::ExecReadRequest{id_, stream, protocol::kTransferLimit}));
    if (!answer.data.empty() && fd >= 0) {
      auto written = sys::WriteAll(fd, answer.data, "the output");
      if (!written) {
        client_.Shutdown();  // the program has nobody to talk to any more
        return written;
      }
    }
    if (answer.eof) return {};
  }
}

Result<ExecEnd> ExecSession::Run(const Streams& streams) {
  const UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  const UniqueFd done(::eventfd(0, EFD_CLOEXEC));
  if (!stop || !done) return FailErrno("open an eventfd");
  const auto wake = [](const UniqueFd& event) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event.get(), &one, sizeof one);
  };
  ExecEnd end;
  Result<> output;
  Result<> errors;
  Result<protocol::ExecWaitResponse> waited;
  std::thread input([&] {
    SendInput(streams, stop.get(), end.detached);
    if (end.detached) wake(done);
  });
  std::thread collector([&] {
    std::thread error_stream([&] {
      if (!terminal_) errors = TakeOutput(protocol::ExecStream::kError, streams.err);
    });
    output = TakeOutput(protocol::ExecStream::kOutput, streams.out);
    error_stream.join();
    waited = CallControl<protocol::ExecWaitResponse>(client_, "ExecWait",
                                                     protocol::ExecWaitRequest{id_});
    wake(done);
  });
  pollfd waiting{done.get(), POLLIN, 0};
  while (::poll(&waiting, 1, -1) < 0 && errno == EINTR) {
  }
  wake(stop);
  input.join();
  // One who left has no use for the rest; the shutdown ends the calls that wait.
  if (end.detached) client_.Shutdown();
  collector.join();
  if (end.detached) return end;
  INRO_TRY(output);
  INRO_TRY(errors);
  if (!waited) return std::unexpected(std::move(waited).error());
  end.code = waited->code;
  end.signal = waited->signal;
  return end;
}

}  // namespace inro::vmm
