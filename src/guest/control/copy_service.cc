#include "guest/control/copy_service.h"

#include <sys/stat.h>

#include <optional>

#include "guest/control/exec_service.h"
#include "protocol/control_message.h"
#include "protocol/message.h"
#include "sys/tree_reader.h"
#include "sys/tree_writer.h"

namespace inro::guest::control {
namespace {

using wire::Code;

// One answer of CopyNext: about so many bytes, or so many entries.
constexpr std::size_t kBatchBytes = 512 << 10;
constexpr std::size_t kBatchEntries = 1000;
constexpr std::size_t kContentLimit = 64 << 10;

protocol::CopyType TypeAt(const std::string& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return protocol::CopyType::kUnset;
  if (S_ISDIR(info.st_mode)) return protocol::CopyType::kDirectory;
  if (S_ISREG(info.st_mode)) return protocol::CopyType::kFile;
  if (S_ISCHR(info.st_mode)) return protocol::CopyType::kCharacterDevice;
  if (S_ISBLK(info.st_mode)) return protocol::CopyType::kBlockDevice;
  return S_ISFIFO(info.st_mode) ? protocol::CopyType::kFifo : protocol::CopyType::kSocket;
}

Code CodeOf(const Error& error) {
  switch (error.sys_errno()) {
    case ENOENT:
      return Code::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return Code::kResourceExhausted;
    default:
      return Code::kFailedPrecondition;
  }
}

}  // namespace

// One of reader and writer is there.
struct CopyService::Copy {
  std::uint64_t connection = 0;
  std::mutex walking;  // over the reader's Next()
  std::optional<sys::TreeReader> reader;
  std::unique_ptr<sys::TreeWriter> writer;
};

CopyService::~CopyService() = default;

Result<std::string> CopyService::Add(std::uint64_t connection, std::shared_ptr<Copy> copy) {
  copy->connection = connection;
  const std::lock_guard lock(mutex_);
  if (copies_.size() >= kMostCopies) return Fail("{} copies are under way", copies_.size());
  const std::uint64_t id = next_id_++;
  copies_.emplace(id, std::move(copy));
  return protocol::Encode(protocol::CopyHandle{id});
}

Result<std::shared_ptr<CopyService::Copy>> CopyService::Find(std::uint64_t connection,
                                                             std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = copies_.find(id);
  if (found == copies_.end() || found->second->connection != connection) {
    return Fail("no copy {} is under way on this connection", id);
  }
  return found->second;
}

void CopyService::ConnectionClosed(std::uint64_t connection) {
  const std::lock_guard lock(mutex_);
  std::erase_if(copies_, [&](const auto& entry) { return entry.second->connection == connection; });
}

Result<std::string> CopyService::Open(std::uint64_t connection,
                                      const protocol::CopyOpenRequest& request) {
  auto copy = std::make_shared<Copy>();
  INRO_ASSIGN(sys::TreeReader reader,
              sys::TreeReader::Open(request.path, {.attributes = request.attributes,
                                                   .content_limit = kContentLimit}));
  copy->reader.emplace(std::move(reader));
  return Add(connection, std::move(copy));
}

Result<std::string> CopyService::Begin(std::uint64_t connection,
                                       const protocol::CopyBeginRequest& request) {
  auto copy = std::make_shared<Copy>();
  INRO_ASSIGN(copy->writer,
              sys::TreeWriter::Begin(
                  request.path, {.keep_owners = request.keep_owners, .devices = request.devices}));
  return Add(connection, std::move(copy));
}

// A method on a worker that is refused where the definition does not allow it. `handle` gets the
// connection and the request and gives the answer's bytes.
template <class Request, class Handle>
wire::Method CopyService::Make(std::string_view name, Handle handle) {
  return {protocol::kControlService, name, wire::Method::Run::kWorker,
          [this, handle](const wire::Call& call, wire::Responder responder) {
            if (!allowed_) {
              responder.Fail(Code::kPermissionDenied, std::string(kExecRefused));
              return;
            }
            Request request;
            if (!protocol::Decode(call.request.payload, request)) {
              responder.Fail(Code::kInvalidArgument, "malformed request");
              return;
            }
            Result<std::string> answer = handle(call.connection, request);
            if (answer) {
              responder.Reply(std::move(*answer));
            } else {
              responder.Fail(CodeOf(answer.error()), answer.error().ToString());
            }
          }};
}

std::vector<wire::Method> CopyService::Methods() {
  using namespace protocol;
  using Answer = Result<std::string>;
  const auto reader_of = [this](std::uint64_t connection,
                                std::uint64_t id) -> Result<std::shared_ptr<Copy>> {
    INRO_ASSIGN(auto copy, Find(connection, id));
    if (!copy->reader) return Fail("copy {} goes to the guest", id);
    return copy;
  };
  const auto writer_of = [this](std::uint64_t connection,
                                std::uint64_t id) -> Result<std::shared_ptr<Copy>> {
    INRO_ASSIGN(auto copy, Find(connection, id));
    if (!copy->writer) return Fail("copy {} comes from the guest", id);
    return copy;
  };
  return {
      Make<CopyLookRequest>("CopyLook",
                            [](std::uint64_t, const CopyLookRequest& request) -> Answer {
                              return Encode(CopyLookResponse{TypeAt(request.path)});
                            }),
      Make<CopyOpenRequest>("CopyOpen",
                            [this](std::uint64_t connection, const CopyOpenRequest& request) {
                              return Open(connection, request);
                            }),
      Make<CopyHandle>("CopyNext",
                       [reader_of](std::uint64_t connection, const CopyHandle& handle) -> Answer {
                         INRO_ASSIGN(const auto copy, reader_of(connection, handle.id));
                         const std::lock_guard lock(copy->walking);
                         CopyNextResponse response;
                         std::size_t bytes = 0;
                         while (bytes < kBatchBytes && response.entries.size() < kBatchEntries) {
                           INRO_ASSIGN(auto entry, copy->reader->Next());
                           response.end = !entry;
                           if (!entry) break;
                           bytes += entry->content.size() + entry->path.size() +
                                    8 * entry->extents.size() + 64;
                           for (const auto& text : entry->attributes) bytes += text.size();
                           response.entries.push_back(std::move(*entry));
                         }
                         return Encode(response);
                       }),
      Make<CopyReadRequest>(
          "CopyRead",
          [reader_of](std::uint64_t connection, const CopyReadRequest& request) -> Answer {
            INRO_ASSIGN(const auto copy, reader_of(connection, request.id));
            if (request.length > kTransferLimit) return Fail("more than {} bytes", kTransferLimit);
            CopyEntry entry;
            entry.path = request.path;
            entry.device = request.device;
            entry.inode = request.inode;
            CopyReadResponse response;
            INRO_ASSIGN(response.data, copy->reader->Read(entry, request.offset, request.length));
            return Encode(response);
          }),
      Make<CopyBeginRequest>("CopyBegin",
                             [this](std::uint64_t connection, const CopyBeginRequest& request) {
                               return Begin(connection, request);
                             }),
      Make<CopyWriteRequest>(
          "CopyWrite",
          [writer_of](std::uint64_t connection, const CopyWriteRequest& request) -> Answer {
            INRO_ASSIGN(const auto copy, writer_of(connection, request.id));
            INRO_TRY(copy->writer->Write(request.path, request.offset, request.data));
            return "";
          }),
      Make<CopyPutRequest>(
          "CopyPut",
          [writer_of](std::uint64_t connection, const CopyPutRequest& request) -> Answer {
            INRO_ASSIGN(const auto copy, writer_of(connection, request.id));
            for (const CopyEntry& entry : request.entries) {
              INRO_TRY(request.final ? copy->writer->FinishFolder(entry)
                                     : copy->writer->Put(entry));
            }
            return "";
          }),
      Make<CopyHandle>("CopyEnd",
                       [this](std::uint64_t connection, const CopyHandle& handle) -> Answer {
                         INRO_ASSIGN(auto copy, Find(connection, handle.id));
                         const std::lock_guard lock(mutex_);
                         copies_.erase(handle.id);
                         return "";
                       }),
  };
}

}  // namespace inro::guest::control
