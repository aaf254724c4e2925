// The files of an OCI image layout, in a folder or in one archive.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/progress.h"
#include "base/result.h"
#include "image/source/oci_document.h"
#include "image/tree/tree.h"

namespace inro::image {

// Reads blobs and checks them. Only the names that a layout has are ever opened: oci-layout,
// index.json and blobs/sha256/DIGEST.
class OciBlobs {
 public:
  // `path` is a layout's folder, or a tar of one in any compression, whose members are held in
  // memory (at most 16 GiB). What is absent or is no layout is kBadInput.
  static Result<OciBlobs> Open(const std::string& path, Progress& progress);

  // The text of index.json.
  Result<Content> Index() const;
  // The blob's bytes. Absent, of another size or of another SHA-256 than the descriptor says:
  // kBadInput. So is a size above `limit`.
  Result<Content> Read(const OciDescriptor& blob, std::uint64_t limit) const;

  // "PATH: NAME" for messages.
  std::string NameOf(std::string_view name) const;

 private:
  explicit OciBlobs(std::string path) : path_(std::move(path)) {}
  Result<> ReadArchive(Progress& progress);
  Result<Content> ReadMember(const std::string& name, std::uint64_t limit) const;

  std::string path_;
  bool archive_ = false;
  std::map<std::string, Content, std::less<>> members_;  // of an archive
};

}  // namespace inro::image
