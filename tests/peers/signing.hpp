// How a QuickFIX application signs for Sealgate, and how it checks a signature: docs/signing.md, in OpenSSL's words.
// Nothing here knows the tests; take the file as it is.
//
//   toAdmin, for a Logon(35=A):     sign_logon(message, name_of_the_api_key, key)
//   toApp, for everything it sends: sign_message(message, key)
//
// QuickFIX calls both after it has filled the header, for a copy that it sends again too. So SendingTime(52),
// MsgSeqNum(34) and PossDupFlag(43) are those that leave, and a copy is signed anew.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <quickfix/FixFields.h>
#include <quickfix/Message.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace sealgate {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Digest = std::unique_ptr<EVP_MD_CTX, FreeKey>;

// An Ed25519 private key in PKCS#8 PEM: what `sealgate key new` writes.
inline Key read_key(const std::string& path) {
  std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "r"), std::fclose);
  Key key(file ? PEM_read_PrivateKey(file.get(), nullptr, nullptr, nullptr) : nullptr);
  if (!key || EVP_PKEY_id(key.get()) != EVP_PKEY_ED25519) throw std::runtime_error(path + " is no Ed25519 key");
  return key;
}

// The signature of `bytes` in base64: 88 characters. Ed25519 takes them whole, without a digest before it.
inline std::string sign(EVP_PKEY* key, const std::string& bytes) {
  Digest context(EVP_MD_CTX_new());
  unsigned char signature[64], text[89];
  size_t length = sizeof signature;
  auto data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) != 1 ||
      EVP_DigestSign(context.get(), signature, &length, data, bytes.size()) != 1)
    throw std::runtime_error("cannot sign");
  return std::string(reinterpret_cast<char*>(text), EVP_EncodeBlock(text, signature, sizeof signature));
}

// Whether `base64` is the signature of `bytes`.
inline bool is_signed(EVP_PKEY* key, const std::string& bytes, const std::string& base64) {
  Digest context(EVP_MD_CTX_new());
  unsigned char signature[66];
  auto text = reinterpret_cast<const unsigned char*>(base64.data());
  auto data = reinterpret_cast<const unsigned char*>(bytes.data());
  return base64.size() == 88 && EVP_DecodeBlock(signature, text, 88) == sizeof signature &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), signature, 64, data, bytes.size()) == 1;
}

// What RawData(96) of a Logon signs: five fields as they stand in the message, joined by SOH.
inline std::string logon_payload(const FIX::Message& logon) {
  const FIX::Header& header = logon.getHeader();
  std::string payload = "A";
  for (int tag : {FIX::FIELD::SenderCompID, FIX::FIELD::TargetCompID, FIX::FIELD::MsgSeqNum, FIX::FIELD::SendingTime})
    payload += '\001' + header.getField(tag);
  return payload;
}

inline void sign_logon(FIX::Message& logon, const std::string& api_key, EVP_PKEY* key) {
  const std::string signature = sign(key, logon_payload(logon));
  logon.setField(FIX::RawDataLength(static_cast<int>(signature.size())));
  logon.setField(FIX::RawData(signature));
  logon.setField(FIX::Username(api_key));
}

// What Signature(89) signs: the message without `8=…|9=…|` in front and `10=…|` at its end.
inline std::string signed_bytes(const std::string& message) {
  const size_t begin = message.find('\001', message.find("\0019=") + 1) + 1;
  return message.substr(begin, message.size() - begin - 7);
}

inline void sign_message(FIX::Message& message, EVP_PKEY* key) {
  FIX::Trailer& trailer = message.getTrailer();
  // A copy has the signature of the first.
  trailer.removeField(FIX::FIELD::Signature);
  trailer.removeField(FIX::FIELD::SignatureLength);
  std::string text;
  const std::string signature = sign(key, signed_bytes(message.toString(text)));
  trailer.setField(FIX::SignatureLength(static_cast<int>(signature.size())));
  trailer.setField(FIX::Signature(signature));
}

}  // namespace sealgate
