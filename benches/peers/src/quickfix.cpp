// QuickFIX's codec behind four functions: what an application of it would call for each message.
#include <quickfix/DataDictionary.h>
#include <quickfix/FixFields.h>
#include <quickfix/Message.h>

#include <cstring>
#include <sstream>

extern "C" {

void* quickfix_dictionary(const char* xml, size_t length) {
  try {
    std::istringstream stream(std::string(xml, length));
    return new FIX::DataDictionary(stream);
  } catch (...) {
    return nullptr;
  }
}

// Parses a message, checks length, checksum and dictionary, and reads what a venue needs. 0 where any of it fails.
int quickfix_decode(const void* dictionary, const char* bytes, size_t length) {
  try {
    const FIX::DataDictionary& known = *static_cast<const FIX::DataDictionary*>(dictionary);
    const FIX::Message message(std::string(bytes, length), known, true);
    known.validate(message);
    return message.getField(FIX::FIELD::ClOrdID).size() + message.getField(FIX::FIELD::Price).size();
  } catch (...) {
    return 0;
  }
}

// Builds an ExecutionReport of these fields and writes it; its length.
size_t quickfix_encode(const int* tags, const char* const* values, size_t count, char* out, size_t room) {
  FIX::Message message;
  FIX::Header& header = message.getHeader();
  header.setField(FIX::BeginString("FIX.4.4"));
  header.setField(FIX::MsgType("8"));
  for (size_t at = 0; at < count; at++) {
    const bool in_header = tags[at] == 34 || tags[at] == 49 || tags[at] == 52 || tags[at] == 56;
    FIX::FieldMap& map = in_header ? static_cast<FIX::FieldMap&>(header) : message;
    map.setField(tags[at], values[at]);
  }
  std::string text;
  message.toString(text);
  const size_t length = text.size() < room ? text.size() : room;
  std::memcpy(out, text.data(), length);
  return length;
}
}
