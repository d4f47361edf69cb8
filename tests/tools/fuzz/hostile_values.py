"""Values that are put into a body: a decoder, a reader of times or a mapper may have a bug for one of
them."""

from typing import Final

# A text that many of these values have and that Rollcall itself never writes: no detail may have it.
SENTINEL: Final = b"zq7"

NUMBERS: Final = (
    b"0", b"-0", b"1", b"-1", b"7", b"0.0", b"-0.0", b"1.5", b"1.0", b"-19", b"1e0", b"1E+2", b"1e-7",
    b"2147483648", b"9007199254740993", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775808", b"-9223372036854775809", b"18446744073709551615", b"18446744073709551616",
    b"1e15", b"1e16", b"1e18", b"1e20", b"1e308", b"-1e308", b"1.7976931348623157e308", b"5e-324",
    b"1e-400", b"0e999999999999", b"1e-999999999999", b"0." + b"3" * 400, b"1" * 25, b"1" * 5000,
    b"946684799", b"946684800", b"946684799999", b"1763700000.000000999", b"1763700000123",
    b"1763786400123", b"253402300800", b"253402300799999", b"-62135596800000", b"-62135596800001",
    b"1763700000123456", b"0.1e1", b"9999999999999.9999999",
)  # fmt: skip
TIMES: Final = (
    b'"2021-07-05T07:46:49.139224Z"', b'"2025-11-21T04:40:00.123Z"', b'"2025-11-20 10:00:00+01:00"',
    b'"2025-11-20t10:00:00z"', b'"2025-11-20T10:00:60Z"', b'"2025-11-20T23:59:60.999+23:59"',
    b'"9999-12-31T23:59:60Z"', b'"9999-12-31T23:59:59.999999-00:01"', b'"0001-01-01T00:00:00Z"',
    b'"0001-01-01T00:00:00+00:01"', b'"0000-01-01T00:00:00Z"', b'"2025-02-29T00:00:00Z"',
    b'"2000-01-01T00:00:00Z"', b'"1999-12-31T23:59:59.999999Z"', b'"2025-11-20T24:00:00Z"',
    b'"2025-11-20T10:00:00.1234567891234Z"', b'"2025-11-20T10:00:00"', b'"2025-11-20"', b'"1763700000"',
    '"٢٠٢٥-11-20T10:00:00Z"'.encode(), b'"2025-11-20T10:00:00.Z"', b'"2025-11-20T10:00:00Z\\n"',
    b'"2025-11-20T10:00:00.000000Z"', b'"2025-11-20T10:00:00.000001Z"', b'"2025-W47-4T10:00:00Z"',
)  # fmt: skip
TEXTS: Final = (
    b'""', b'" "', b'"string"', b'"<string>"', b'"null"', b'"0"', b'"-0"', b'"1e5"', b'"+7"', b'"a"',
    b'"d"', b'"zq7"', b'"zq7 - at `$.zq7`"', b'"Invalid enum value zq7"', b'"zq7/%2F/zq7"', b'"/"', b'"%"',
    b'"//%%"', b'"\\ud83d\\ude00"', b'"\\u0000"', b'"\\u001f\\u007f\\u0085"', b'"\x7f"', b'"\\/\\b\\""',
    '"\u202e\u2066\ufeff\ufffe"'.encode(), '"\u0130\u0131\u017f\u212a"'.encode(),
    '"e\u0301\U0010ffff"'.encode(), b'"' + b"zq7" * 40 + b'"', b'"' + b"/" * 3000 + b'"',
    b'"' + b"\\u0000" * 400 + b'"', b'"[[[[{{{{"', b'"T"', b'"999999999999999999999"',
    b'"9223372036854775807"', b'"-9223372036854775809"', b'"0000-02-29"', b'"2025-13-01"',
    b'"https://zq7.example/default-user-profile.png?x"', b'"HTTPS://"', b'"user.deleted"', b'"delete"',
    b'"user."', b'"monetization."', b'"IPostUserZq7"', b'"IPre"', b'"user.zq7"', b'"ping"', b'"user"',
    b'"vote."', b'"zq7_counter"',
)  # fmt: skip
OTHERS: Final = (
    b"null", b"true", b"false", b"[]", b"{}", b"[null]", b"[[]]", b"[{}]", b'["zq7"]', b'{"zq7":"zq7"}',
    b'[1,"a",null]', b'{"id":"zq7"}', b'{"id":null}', b'{"$date":1763700000123}', b'{"$date":1e308}',
    b'{"$date":-1e308}', b'{"$date":true}', b'{"$date":1e16}', b'{"$date":"2025-11-20T10:00:00Z"}',
    b'{"$date":"zq7"}', b'{"$date":null}', b'{"$date":-62135596800001}', b'{"$date":253402300799999.9}',
    b'{"":""}', b'{"a":1,"a":2}', b'{"\\u0061":1}', b'{"sub":"8","address":{"country":null}}',
    b'{"address.country":"x"}', b'{"address":"zq7"}', b'{"country":"at"}',
    b'{"x_counter":1e308,"y_counter":"zq7","\\u007a_counter":3}', b'{"zq7_counter":7}',
    b'[{"zq7":1},null,7]',
)  # fmt: skip
VALUES: Final = (*NUMBERS, *TIMES, *TEXTS, *OTHERS)
# No JSON, or not JSON for the decoder.
BROKEN: Final = (
    b"", b"NaN", b"Infinity", b"-", b"01", b"1.", b".5", b"+1", b"undefined", b"'zq7'", b"// zq7",
    b"\xff\xfe", b"tru", b"1e309", b"-1e309", b"1e999999999999", b"1" + b"0" * 400, b'"\\ud800"',
    b'"\\udc00\\ud800"', b'"\\uD800zq7"', b'"\x00"', b'"\x1f"', b'"\n"', b'"\xff"', b'"\xc0\x80"',
    b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\\"', b'"\\x"', b'"\\u12"', b'{"\\ud800":1}',
    b'{"\xff":1}', b'{"zq7_counter":1e309}', b'{"$date":1e309}', b"[1,]", b'{"a"}',
)  # fmt: skip
NAMES: Final = (
    b'""', b'"zq7"', b'"id"', b'"sub"', b'"user"', b'"data"', b'"zq7_counter"', b'"$date"', b'"address"',
    b'"address."', b'"\\u0069d"', b'"stamps"', b'"profile.address"', b'"constructor"', b'"\\u0000"',
    b'"\\ud800"', b'"\xff"',
)  # fmt: skip
# These are put into a text, or anywhere else.
PIECES: Final = (
    b"zq7", b"\\", b'"', b"\\u0000", b"\\ud800", b"\\udfff", b"\x00", b"\x1f", b"\xff", b"\xc3", b"/", b"%",
    b"%2F", b"T", b"[", b"{", b"]", b"}", b",", b":", b"null", b"\xef\xbb\xbf", b"\r\n", b" ", b"0", b"9",
    b"-", b"e", b".", b"Z", b"+", b"[" * 800, b'{"a":' * 800, b"]" * 800, b"\\u0061" * 50, "é".encode(),
    b"\xe2\x80\xae", b"_counter", b'_counter":1e999',
)  # fmt: skip
ENCODINGS: Final = (
    "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "latin-1", "cp500", "utf-8",
)  # fmt: skip
