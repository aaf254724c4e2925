#include "vmm/control/copy.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <memory>

#include "protocol/copy_message.h"
#include "protocol/exec_message.h"
#include "sys/tree_reader.h"
#include "sys/tree_writer.h"
#include "vmm/control/call_window.h"
#include "vmm/control/control_call.h"

namespace inro::vmm {
namespace {

using protocol::CopyEntry;
using protocol::CopyType;

constexpr std::size_t kCalls = 32;
constexpr std::size_t kWindowBytes = 4 << 20;
constexpr std::size_t kPiece = protocol::kTransferLimit;
constexpr std::size_t kContentLimit = 64 << 10;
constexpr std::size_t kPutEntries = 256;
constexpr std::size_t kPutBytes = 256 << 10;

// The last part of a path; empty for "/", "." and "..".
std::string BaseName(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == path.npos ? path : path.substr(slash + 1);
  return name == "." || name == ".." ? std::string() : std::string(name);
}

// Counts what is done, and tells it.
class Meter {
 public:
  explicit Meter(const CopyOptions& options) : options_(options) {}
  void Expect(std::uint64_t bytes) { total_ += bytes; }
  void Add(std::uint64_t bytes) {
    sum.bytes += bytes;
    if (options_.progress) options_.progress(sum.bytes, std::max(total_, sum.bytes));
  }
  CopySum sum;

 private:
  const CopyOptions& options_;
  std::uint64_t total_ = 0;
};

std::uint64_t DataBytes(const CopyEntry& entry) {
  if (entry.whole) return entry.content.size();
  std::uint64_t bytes = 0;
  for (std::size_t i = 1; i < entry.extents.size(); i += 2) bytes += entry.extents[i];
  return bytes;
}

// Calls `piece` with offset and length of each piece of the file's data.
template <class Piece>
Result<> EachPiece(const CopyEntry& entry, Piece piece) {
  for (std::size_t i = 0; i + 1 < entry.extents.size(); i += 2) {
    std::uint64_t offset = entry.extents[i];
    // The guest's word: an extent that does not lie in the file is none.
    if (offset > entry.size || entry.extents[i + 1] > entry.size - offset) {
      return Fail("{}: the guest gives data beyond the file's end", entry.path);
    }
    const std::uint64_t end = offset + entry.extents[i + 1];
    while (offset < end) {
      const std::size_t length = std::min<std::uint64_t>(kPiece, end - offset);
      INRO_TRY(piece(offset, length));
      offset += length;
    }
  }
  return {};
}

// Sends a tree of this host; see the protocol's description of the calls.
class Upload {
 public:
  Upload(wire::Client& client, sys::TreeReader reader, std::uint64_t id, const CopyOptions& options)
      : window_(client, kCalls, kWindowBytes),
        reader_(std::move(reader)),
        id_(id),
        meter_(options) {}

  Result<CopySum> Run() {
    while (true) {
      INRO_ASSIGN(auto entry, reader_.Next());
      if (!entry) break;
      meter_.Expect(DataBytes(*entry));
      INRO_TRY(SendEntry(std::move(*entry)));
    }
    INRO_TRY(Flush());
    INRO_TRY(window_.Drain());
    // From the inside out: what is written into a folder changes its time.
    std::ranges::reverse(folders_);
    batch_ = std::exchange(folders_, {});
    for (std::size_t at = 0; at < batch_.size(); at += kPutEntries) {
      protocol::CopyPutRequest request;
      request.id = id_;
      request.final = true;
      const std::size_t end = std::min(at + kPutEntries, batch_.size());
      request.entries.assign(batch_.begin() + static_cast<std::ptrdiff_t>(at),
                             batch_.begin() + static_cast<std::ptrdiff_t>(end));
      // One after another: outer folders may become unwritable.
      INRO_TRY(window_.Send("CopyPut", protocol::Encode(request), kPutBytes));
      INRO_TRY(window_.Drain());
    }
    return meter_.sum;
  }

 private:
  // Entries in one request are made in their order; requests are not, so that what must come after
  // something else waits for it.
  Result<> SendEntry(CopyEntry entry) {
    ++meter_.sum.files;
    if (entry.type == CopyType::kDirectory) folders_.push_back(entry);
    const bool large = entry.type == CopyType::kFile && entry.same_as.empty() && !entry.whole;
    if (large) {
      INRO_TRY(Flush());  // its folder
      if (folder_pending_) INRO_TRY(window_.Drain());
      folder_pending_ = false;
      INRO_TRY(SendPieces(entry));
      // When all pieces are there. Other files' pieces are waited for too, which costs a round
      // trip.
      INRO_TRY(window_.Drain());
      batch_.push_back(std::move(entry));
      return Flush();
    }
    const std::uint64_t bytes = DataBytes(entry);
    batch_bytes_ += entry.content.size() + entry.path.size() + 64;
    if (entry.type == CopyType::kDirectory || !entry.same_as.empty()) ordered_ = true;
    batch_.push_back(std::move(entry));
    if (bytes > 0) meter_.Add(bytes);
    if (batch_.size() >= kPutEntries || batch_bytes_ >= kPutBytes) return Flush();
    return {};
  }

  Result<> SendPieces(const CopyEntry& entry) {
    return EachPiece(entry, [&](std::uint64_t offset, std::size_t length) -> Result<> {
      protocol::CopyWriteRequest request;
      request.id = id_;
      request.path = entry.path;
      request.offset = offset;
      INRO_ASSIGN(request.data, reader_.Read(entry, offset, length));
      return window_.Send("CopyWrite", protocol::Encode(request), length,
                          [this, length](const std::string&) -> Result<> {
                            meter_.Add(length);
                            return {};
                          });
    });
  }

  Result<> Flush() {
    if (batch_.empty()) return {};
    protocol::CopyPutRequest request;
    request.id = id_;
    request.entries = std::exchange(batch_, {});
    const std::size_t weight = std::exchange(batch_bytes_, 0);
    // A request that makes folders or hard links comes after all before it, and before all after
    // it.
    const bool ordered = std::exchange(ordered_, false) || folder_pending_;
    if (ordered) INRO_TRY(window_.Drain());
    INRO_TRY(window_.Send("CopyPut", protocol::Encode(request), weight));
    folder_pending_ = ordered;
    return {};
  }

  CallWindow window_;
  sys::TreeReader reader_;
  const std::uint64_t id_;
  Meter meter_;
  std::vector<CopyEntry> folders_;
  std::vector<CopyEntry> batch_;
  std::size_t batch_bytes_ = 0;
  bool ordered_ = false;         // the batch has a folder or a hard link in it
  bool folder_pending_ = false;  // the request sent last has one, and was not answered yet
};

// Takes a tree from the guest, whose words are not believed: the writer keeps them below its root.
class Download {
 public:
  Download(wire::Client& client, std::unique_ptr<sys::TreeWriter> writer, std::uint64_t id,
           const CopyOptions& options)
      : client_(client),
        window_(client, kCalls, kWindowBytes),
        writer_(std::move(writer)),
        id_(id),
        meter_(options) {}

  Result<CopySum> Run() {
    bool end = false;
    while (!end) {
      INRO_ASSIGN(auto batch, CallControl<protocol::CopyNextResponse>(client_, "CopyNext",
                                                                      protocol::CopyHandle{id_}));
      end = batch.end;
      if (batch.entries.empty() && !end) return Fail("the guest's list of files does not end");
      for (const CopyEntry& entry : batch.entries) meter_.Expect(DataBytes(entry));
      for (const CopyEntry& entry : batch.entries) INRO_TRY(Take(entry));
    }
    INRO_TRY(window_.Drain());
    std::ranges::reverse(folders_);
    for (const CopyEntry& folder : folders_) INRO_TRY(writer_->FinishFolder(folder));
    return meter_.sum;
  }

 private:
  Result<> Take(const CopyEntry& entry) {
    ++meter_.sum.files;
    if (entry.type == CopyType::kDirectory) folders_.push_back(entry);
    if (!entry.same_as.empty()) INRO_TRY(window_.Drain());  // what it is a link to
    const bool large =
        entry.type == CopyType::kFile && entry.same_as.empty() && !entry.whole && entry.size > 0;
    if (!large) {
      INRO_TRY(writer_->Put(entry));
      if (entry.whole) meter_.Add(entry.content.size());
      return {};
    }
    // Pieces come in the order of their requests: with the last one the file is whole.
    const auto file = std::make_shared<CopyEntry>(entry);
    std::uint64_t left = DataBytes(entry);
    if (left == 0) return writer_->Put(entry);  // one hole
    return EachPiece(entry, [&](std::uint64_t offset, std::size_t length) -> Result<> {
      protocol::CopyReadRequest request;
      request.id = id_;
      request.path = file->path;
      request.device = file->device;
      request.inode = file->inode;
      request.offset = offset;
      request.length = static_cast<std::uint32_t>(length);
      left -= length;
      return window_.Send(
          "CopyRead", protocol::Encode(request), length,
          [this, file, offset, length, last = left == 0](const std::string& payload) -> Result<> {
            protocol::CopyReadResponse response;
            if (!protocol::Decode(payload, response) || response.data.size() != length) {
              return Fail("{}: the guest's answer is malformed", file->path);
            }
            INRO_TRY(writer_->Write(file->path, offset, response.data));
            meter_.Add(length);
            return last ? writer_->Put(*file) : Result<>();
          });
    });
  }

  wire::Client& client_;
  CallWindow window_;
  std::unique_ptr<sys::TreeWriter> writer_;
  const std::uint64_t id_;
  Meter meter_;
  std::vector<CopyEntry> folders_;
};

}  // namespace

Result<std::string> CopyTarget(const std::string& source, const std::string& destination,
                               bool exists_as_folder) {
  if (!exists_as_folder) {
    if (destination.ends_with('/')) return Fail("there is no folder {}", destination);
    return destination;
  }
  const std::string name = source.ends_with("/.") ? "" : BaseName(source);
  if (name.empty()) return destination;
  return fmt::format("{}{}{}", destination, destination.ends_with('/') ? "" : "/", name);
}

Result<CopySum> CopyToGuest(wire::Client& client, const std::string& source,
                            const std::string& destination, const CopyOptions& options) {
  INRO_ASSIGN(sys::TreeReader reader,
              sys::TreeReader::Open(
                  source, {.attributes = options.archive, .content_limit = kContentLimit}));
  INRO_ASSIGN(const auto look, CallControl<protocol::CopyLookResponse>(
                                   client, "CopyLook", protocol::CopyLookRequest{destination}));
  protocol::CopyBeginRequest begin;
  INRO_ASSIGN(begin.path, CopyTarget(source, destination, look.type == CopyType::kDirectory));
  begin.keep_owners = options.archive;
  begin.devices = options.archive;
  INRO_ASSIGN(const auto handle, CallControl<protocol::CopyHandle>(client, "CopyBegin", begin));
  INRO_ASSIGN(CopySum sum, Upload(client, std::move(reader), handle.id, options).Run());
  INRO_TRY(CallControl(client, "CopyEnd", protocol::Encode(handle)));
  sum.destination = begin.path;
  return sum;
}

Result<CopySum> CopyFromGuest(wire::Client& client, const std::string& source,
                              const std::string& destination, const CopyOptions& options) {
  struct stat info{};
  const bool folder = ::stat(destination.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
  INRO_ASSIGN(const std::string target, CopyTarget(source, destination, folder));
  INRO_ASSIGN(const auto handle,
              CallControl<protocol::CopyHandle>(
                  client, "CopyOpen", protocol::CopyOpenRequest{source, options.archive}));
  INRO_ASSIGN(auto writer, sys::TreeWriter::Begin(target, {.keep_owners = options.archive,
                                                           .devices = options.archive}));
  INRO_ASSIGN(CopySum sum, Download(client, std::move(writer), handle.id, options).Run());
  INRO_TRY(CallControl(client, "CopyEnd", protocol::Encode(handle)));
  sum.destination = target;
  return sum;
}

}  // namespace inro::vmm
