// Files and trees that are copied between host and guest (proto/control.proto) as plain structs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/message.h"
#include "sys/tree_entry.h"

namespace inro::protocol {

using CopyType = sys::TreeEntryType;
using CopyEntry = sys::TreeEntry;

struct CopyLookRequest {
  static constexpr std::string_view kName = "inro.control.v1.CopyLookRequest";
  std::string path;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "path", &CopyLookRequest::path);
  }
};

struct CopyLookResponse {
  static constexpr std::string_view kName = "inro.control.v1.CopyLookResponse";
  CopyType type{};  // of what the path leads to, links followed; unset: nothing there

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "type", &CopyLookResponse::type);
  }
};

struct CopyOpenRequest {
  static constexpr std::string_view kName = "inro.control.v1.CopyOpenRequest";
  std::string path;         // absolute; a link at its end is followed
  bool attributes = false;  // give extended attributes too

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "path", &CopyOpenRequest::path);
    visit(2, "attributes", &CopyOpenRequest::attributes);
  }
};

struct CopyBeginRequest {
  static constexpr std::string_view kName = "inro.control.v1.CopyBeginRequest";
  std::string path;          // absolute: what the tree's root becomes; its folder exists
  bool keep_owners = false;  // owners, set-id bits, extended attributes
  bool devices = false;      // device nodes are made; otherwise refused

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "path", &CopyBeginRequest::path);
    visit(2, "keep_owners", &CopyBeginRequest::keep_owners);
    visit(3, "devices", &CopyBeginRequest::devices);
  }
};

// A copy that is under way; it ends with CopyEnd or with its connection.
struct CopyHandle {
  static constexpr std::string_view kName = "inro.control.v1.CopyHandle";
  std::uint64_t id = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &CopyHandle::id);
  }
};

struct CopyNextResponse {
  static constexpr std::string_view kName = "inro.control.v1.CopyNextResponse";
  std::vector<CopyEntry> entries;  // folders before what is in them
  bool end = false;                // none follow

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "entries", &CopyNextResponse::entries);
    visit(2, "end", &CopyNextResponse::end);
  }
};

struct CopyReadRequest {
  static constexpr std::string_view kName = "inro.control.v1.CopyReadRequest";
  std::uint64_t id = 0;
  std::string path;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;
  std::uint32_t length = 0;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &CopyReadRequest::id);
    visit(2, "path", &CopyReadRequest::path);
    visit(3, "device", &CopyReadRequest::device);
    visit(4, "inode", &CopyReadRequest::inode);
    visit(5, "offset", &CopyReadRequest::offset);
    visit(6, "length", &CopyReadRequest::length);
  }
};

struct CopyReadResponse {
  static constexpr std::string_view kName = "inro.control.v1.CopyReadResponse";
  std::string data;  // exactly the length that was asked for

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "data", &CopyReadResponse::data);
  }
};

struct CopyWriteRequest {
  static constexpr std::string_view kName = "inro.control.v1.CopyWriteRequest";
  std::uint64_t id = 0;
  std::string path;
  std::uint64_t offset = 0;
  std::string data;

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &CopyWriteRequest::id);
    visit(2, "path", &CopyWriteRequest::path);
    visit(3, "offset", &CopyWriteRequest::offset);
    visit(4, "data", &CopyWriteRequest::data);
  }
};

struct CopyPutRequest {
  static constexpr std::string_view kName = "inro.control.v1.CopyPutRequest";
  std::uint64_t id = 0;
  std::vector<CopyEntry> entries;  // in this order
  bool final = false;              // of folders: what they are when all is in them

  template <class V>
  static void Fields(V&& visit) {
    visit(1, "id", &CopyPutRequest::id);
    visit(2, "entries", &CopyPutRequest::entries);
    visit(3, "final", &CopyPutRequest::final);
  }
};

}  // namespace inro::protocol
