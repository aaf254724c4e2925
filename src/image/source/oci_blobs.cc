#include "image/source/oci_blobs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "image/source/archive_entries.h"
#include "image/tree/digest.h"
#include "sys/file.h"

namespace inro::image {
namespace {

constexpr std::string_view kLayoutFile = "oci-layout";
constexpr std::string_view kIndexFile = "index.json";
constexpr std::string_view kBlobFolder = "blobs/sha256/";
constexpr std::string_view kDockerManifest = "manifest.json";  // of docker save
constexpr std::uint64_t kArchiveLimit = std::uint64_t{16} << 30;
constexpr std::size_t kMostMembers = 10'000;

// Whether a member of an archive can be wanted.
bool IsOfLayout(std::string_view name) {
  return name == kLayoutFile || name == kIndexFile || name == kDockerManifest ||
         name.starts_with(kBlobFolder);
}

std::string BlobFile(const OciDescriptor& blob) {
  return fmt::format("{}{}", kBlobFolder, blob.digest.substr(blob.digest.find(':') + 1));
}

}  // namespace

Result<OciBlobs> OciBlobs::Open(const std::string& path, Progress& progress) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return FailAs(ErrorKind::kBadInput, "there is no {}", path);
    return FailErrno("stat {}", path);
  }
  OciBlobs blobs(path);
  if (S_ISREG(status.st_mode)) {
    INRO_TRY(blobs.ReadArchive(progress));
  } else if (!S_ISDIR(status.st_mode)) {
    return FailAs(ErrorKind::kBadInput, "{} is neither a folder nor an archive", path);
  }
  const auto layout = blobs.ReadMember(std::string(kLayoutFile), kOciDocumentLimit);
  if (!layout) {
    if (layout.error().kind() != ErrorKind::kNotFound) return std::unexpected(layout.error());
    const bool docker = blobs.members_.contains(kDockerManifest) ||
                        sys::Exists(fmt::format("{}/{}", path, kDockerManifest));
    return FailAs(ErrorKind::kBadInput, "{} is not an OCI image layout: it has no {}{}", path,
                  kLayoutFile,
                  docker ? "; an archive of an older docker save can be converted by: skopeo copy "
                           "docker-archive:OLD oci-archive:NEW"
                         : "");
  }
  INRO_TRY(CheckOciLayout(layout->view(), blobs.NameOf(kLayoutFile)));
  return blobs;
}

Result<> OciBlobs::ReadArchive(Progress& progress) {
  archive_ = true;
  INRO_ASSIGN(const UniqueFd fd, sys::Open(path_, O_RDONLY));
  struct stat status{};
  const bool sized = ::fstat(fd.get(), &status) == 0;
  const auto total = sized ? static_cast<std::uint64_t>(status.st_size) : 0;
  auto read = ReadTarFile(
      fd.get(), path_,
      [&](ArchiveEntry entry) -> Result<> {
        if (entry.node.type != NodeType::kFile || !IsOfLayout(entry.path)) return {};
        if (members_.size() >= kMostMembers) return Fail("{}: too many blobs", path_);
        // A tar may hold equal files as hard links.
        if (!entry.hard_link.empty()) {
          const auto first = members_.find(entry.hard_link);
          if (first != members_.end()) entry.node.content = first->second;
        }
        members_.insert_or_assign(std::move(entry.path), std::move(entry.node.content));
        return {};
      },
      [&](std::uint64_t done) { progress.Update(done, total, "B"); }, kArchiveLimit);
  if (!read) return FailAs(ErrorKind::kBadInput, "{}", read.error().ToString());
  return {};
}

Result<Content> OciBlobs::ReadMember(const std::string& name, std::uint64_t limit) const {
  if (archive_) {
    const auto found = members_.find(name);
    if (found == members_.end()) {
      return FailAs(ErrorKind::kNotFound, "{} has no {}", path_, name);
    }
    if (found->second.size() > limit) {
      return FailAs(ErrorKind::kBadInput, "{}: larger than {} bytes", NameOf(name), limit);
    }
    return found->second;
  }
  const std::string file = fmt::format("{}/{}", path_, name);
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return FailErrno("read {}", file);
  if (!S_ISREG(status.st_mode)) {
    return FailAs(ErrorKind::kBadInput, "{} is not a regular file", file);
  }
  if (static_cast<std::uint64_t>(status.st_size) > limit) {
    return FailAs(ErrorKind::kBadInput, "{}: larger than {} bytes", NameOf(name), limit);
  }
  INRO_ASSIGN(std::string bytes, sys::ReadFile(file, limit));
  return Content(std::move(bytes));
}

Result<Content> OciBlobs::Index() const {
  auto index = ReadMember(std::string(kIndexFile), kOciDocumentLimit);
  if (!index && index.error().kind() == ErrorKind::kNotFound) {
    return FailAs(ErrorKind::kBadInput, "{} is not an OCI image layout: it has no {}", path_,
                  kIndexFile);
  }
  return index;
}

Result<Content> OciBlobs::Read(const OciDescriptor& blob, std::uint64_t limit) const {
  const std::string name = BlobFile(blob);
  if (blob.size > limit) {
    return FailAs(ErrorKind::kBadInput, "{}: {} bytes are more than the limit of {}", NameOf(name),
                  blob.size, limit);
  }
  auto content = ReadMember(name, limit);
  if (!content) {
    if (content.error().kind() != ErrorKind::kNotFound) return content;
    return FailAs(ErrorKind::kBadInput, "{}: the blob is missing", NameOf(name));
  }
  if (content->size() != blob.size) {
    return FailAs(ErrorKind::kBadInput, "{}: {} bytes, where {} are declared", NameOf(name),
                  content->size(), blob.size);
  }
  const std::string hash = "sha256:" + Sha256Hex(content->view());
  if (hash != blob.digest) {
    return FailAs(ErrorKind::kBadInput, "{}: the digest is wrong: its bytes have {}", NameOf(name),
                  hash);
  }
  return content;
}

std::string OciBlobs::NameOf(std::string_view name) const {
  return archive_ ? fmt::format("{}: {}", path_, name) : fmt::format("{}/{}", path_, name);
}

}  // namespace inro::image
