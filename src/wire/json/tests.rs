use super::*;
use crate::limits::{SIGNED_BYTES_MAX, WS_PARAMS_MAX};
use crate::types::{Refusal, Reject, Scale, Text};
use proptest::prelude::*;

fn refusal(text: &str) -> Refusal {
    match Reader::new().read(text) {
        Ok(message) => panic!("{text} was read as {message:?}"),
        Err(fault) => fault.refusal,
    }
}

fn form(method: Option<&str>, text: &str) -> Result<String, Refusal> {
    let mut reader = Reader::new();
    let message = reader.read(text).map_err(|fault| fault.refusal)?;
    let mut out = b"left over".to_vec();
    let params: Vec<_> = message.params.iter().collect();
    signed_form(method, params.iter().map(|(name, value)| (*name, value.as_written())), &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn reads_a_request_in_any_order_of_its_fields() {
    let mut reader = Reader::new();
    let message = reader
        .read(r#" {"params":{"price":0.10,"symbol":"BTC-USD","b":false,"timestamp":1},"method":"order.place","id":"a"} "#)
        .unwrap();
    assert_eq!(message.id, RequestId::Text(Text::new("a").unwrap()));
    assert_eq!(message.method, "order.place");
    let names: Vec<_> = message.params.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["b", "price", "symbol", "timestamp"]);
    assert_eq!(message.params.get("price"), Some(Value::Number("0.10")));
    assert_eq!(message.params.get("symbol"), Some(Value::Text("BTC-USD")));
    assert_eq!(message.params.get("b"), Some(Value::Bool(false)));
    assert_eq!(message.params.get("side"), None);
}

#[test]
fn a_reader_forgets_the_request_before() {
    let mut reader = Reader::new();
    reader.read(r#"{"id":1,"method":"a","params":{"x\/y":"\u0041"}}"#).unwrap();
    let second = reader.read(r#"{"id":null,"method":"b"}"#).unwrap();
    assert_eq!((second.id, second.method, second.params.iter().count()), (RequestId::Null, "b", 0));
}

#[test]
fn ids_are_short_texts_integers_or_null() {
    let id = |id: &str| {
        Reader::new().read(&format!(r#"{{"id":{id},"method":"m"}}"#)).map(|m| m.id).map_err(|f| f.refusal)
    };
    let text = |text| Ok(RequestId::Text(Text::new(text).unwrap()));
    assert_eq!(id("null"), Ok(RequestId::Null));
    assert_eq!(id("-7"), Ok(RequestId::Integer(-7)));
    assert_eq!(id("9223372036854775807"), Ok(RequestId::Integer(i64::MAX)));
    assert_eq!(id(r#""187d3cb2-942d-484c-8271-4e2141bbadb1""#), text("187d3cb2-942d-484c-8271-4e2141bbadb1"));
    assert_eq!(id(r#""a\"\u00e9""#), text("a\"é"));
    for bad in
        ["1.0", "1e3", "9223372036854775808", "true", "[]", "{}", r#""""#, &format!("\"{}\"", "x".repeat(37))]
    {
        assert_eq!(id(bad), Err(Reject::RequestIdInvalid.into()), "{bad}");
    }
}

#[test]
fn what_is_not_one_request_is_refused_with_its_reason() {
    let field = |reject, name| Refusal::field(reject, name);
    let cases: &[(&str, Refusal)] = &[
        ("", Reject::JsonMalformed.into()),
        ("[]", Reject::JsonMalformed.into()),
        ("null", Reject::JsonMalformed.into()),
        ("{", Reject::JsonMalformed.into()),
        (r#"{"id":1,"method":"m"} x"#, Reject::JsonMalformed.into()),
        (r#"{"id":1,"method":"m",}"#, Reject::JsonMalformed.into()),
        (r#"{"id":1,"method":"m","params":[]}"#, Reject::JsonMalformed.into()),
        (r#"{"id":1,"method":"m","params":null}"#, Reject::JsonMalformed.into()),
        (r#"{"id":1,"method":"m","params":{"a":01}}"#, Reject::JsonMalformed.into()),
        (r#"{"id":1,"method":"m","params":{"a":+1}}"#, Reject::JsonMalformed.into()),
        (r#"{"id":1,"method":"m","params":{"a":NaN}}"#, Reject::JsonMalformed.into()),
        (r#"{"id":1,"method":"m","params":{"a":"\ud800"}}"#, Reject::JsonMalformed.into()),
        ("{\"id\":1,\"method\":\"m\",\"params\":{\"a\":\"\n\"}}", Reject::JsonMalformed.into()),
        (r#"{'id':1,"method":"m"}"#, Reject::JsonMalformed.into()),
        (r#"{"method":"m"}"#, Reject::RequestIdInvalid.into()),
        (r#"{"id":1}"#, field(Reject::FieldMissing, "method")),
        (r#"{"id":1,"method":7}"#, field(Reject::FieldFormat, "method")),
        (r#"{"id":1,"method":"m","apiKey":"k"}"#, field(Reject::FieldNotForMessage, "apiKey")),
        (r#"{"id":1,"id":1,"method":"m"}"#, field(Reject::FieldRepeated, "id")),
        (r#"{"id":1,"method":"m","method":"m"}"#, field(Reject::FieldRepeated, "method")),
        (r#"{"id":1,"\u006dethod":"m","method":"m"}"#, field(Reject::FieldRepeated, "method")),
        (r#"{"id":1,"method":"m","params":{},"params":{}}"#, field(Reject::FieldRepeated, "params")),
        (r#"{"id":1,"method":"m","params":{"a":1,"b":2,"a":1}}"#, field(Reject::FieldRepeated, "a")),
        (r#"{"id":1,"method":"m","params":{"a":1,"\u0061":1}}"#, field(Reject::FieldRepeated, "a")),
        (r#"{"id":1,"method":"m","params":{"price":1e3}}"#, field(Reject::FieldFormat, "price")),
        (r#"{"id":1,"method":"m","params":{"price":1.0E-3}}"#, field(Reject::FieldFormat, "price")),
        (r#"{"id":1,"method":"m","params":{"a":null}}"#, field(Reject::FieldFormat, "a")),
        (r#"{"id":1,"method":"m","params":{"a":["x"]}}"#, field(Reject::FieldFormat, "a")),
        (r#"{"id":1,"method":"m","params":{"a":{"b":1,"b":1}}}"#, field(Reject::FieldFormat, "a")),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), *expected, "{text}");
    }
}

#[test]
fn a_refusal_tells_the_id_where_it_was_read() {
    let fault = Reader::new().read(r#"{"id":7,"method":"m","params":{"a":null}}"#).unwrap_err();
    assert_eq!(fault.id, RequestId::Integer(7));
    let fault = Reader::new().read(r#"{"method":"m","params":{"a":null},"id":7}"#).unwrap_err();
    assert_eq!(fault.id, RequestId::Null);
}

#[test]
fn there_is_a_most_of_parameters() {
    let request = |count: usize| {
        let params: Vec<_> = (0..count).map(|n| format!("\"p{n}\":1")).collect();
        format!(r#"{{"id":1,"method":"m","params":{{{}}}}}"#, params.join(","))
    };
    let mut reader = Reader::new();
    assert_eq!(reader.read(&request(WS_PARAMS_MAX)).unwrap().params.iter().count(), WS_PARAMS_MAX);
    assert_eq!(refusal(&request(WS_PARAMS_MAX + 1)), Reject::MessageTooLong.into());
}

#[test]
fn the_signed_form_is_sorted_by_bytes_and_leaves_out_the_signature() {
    let request = r#"{"id":"x","method":"order.cancel","params":{"timestamp":1645423376532,"symbol":"BTC-USD",
        "signature":"a\/b==","Zeta":true,"apiKey":"key-1","orderId":42}}"#;
    let params = "Zeta=true&apiKey=key-1&orderId=42&symbol=BTC-USD&timestamp=1645423376532";
    assert_eq!(form(None, request), Ok(params.to_owned()));
    assert_eq!(form(Some("order.cancel"), request), Ok(format!("method=order.cancel&{params}")));
}

#[test]
fn numbers_are_signed_as_written() {
    let request = r#"{"id":1,"method":"m","params":{"a":1.500,"b":-0,"c":"1.50"}}"#;
    assert_eq!(form(None, request), Ok("a=1.500&b=-0&c=1.50".to_owned()));
}

#[test]
fn escapes_change_nothing_in_the_signed_form() {
    let plain = r#"{"id":1,"method":"m","params":{"a":"x/y","b":"1"}}"#;
    let escaped = r#"{"id":1,"method":"m","params":{"\u0062":"\u0031","a":"x\/y"}}"#;
    assert_eq!(form(None, plain), form(None, escaped));
}

#[test]
fn what_could_make_two_requests_look_alike_is_refused() {
    for value in ["1&b=2", "a=b", "a b", "é", "a%26", "\\u0000", "a,b"] {
        let request = format!(r#"{{"id":1,"method":"m","params":{{"a":"{value}"}}}}"#);
        assert_eq!(form(None, &request), Err(Refusal::field(Reject::FieldFormat, "a")), "{value}");
    }
    let name = r#"{"id":1,"method":"m","params":{"a=1&b":"2"}}"#;
    assert_eq!(form(None, name), Err(Refusal::field(Reject::FieldFormat, "a=1&b")));
    let empty = r#"{"id":1,"method":"m","params":{"a":""}}"#;
    assert_eq!(form(None, empty), Err(Refusal::field(Reject::FieldEmpty, "a")));
}

#[test]
fn the_signed_form_has_a_longest() {
    let request =
        |len: usize| format!(r#"{{"id":1,"method":"m","params":{{"a":"{}"}}}}"#, "x".repeat(len - 2));
    assert_eq!(form(None, &request(SIGNED_BYTES_MAX)).map(|form| form.len()), Ok(SIGNED_BYTES_MAX));
    assert_eq!(form(None, &request(SIGNED_BYTES_MAX + 1)), Err(Reject::MessageTooLong.into()));
}

#[test]
fn writes_what_a_json_parser_reads() {
    let mut out = Vec::new();
    Writer::new(&mut out).object(|w| {
        w.key("text").text("a\"\\\n\u{7}é");
        w.key("empty").object(|_| {});
        w.key("list").array(|w| {
            w.integer(i64::MIN);
            w.unsigned(u64::MAX);
            w.integer(0);
            w.null();
        });
        w.key("flag").boolean(true);
    });
    let expected = r#"{"text":"a\"\\\u000a\u0007é","empty":{},"list":[-9223372036854775808,18446744073709551615,0,null],"flag":true}"#;
    assert_eq!(String::from_utf8(out.clone()).unwrap(), expected);
    serde_json::from_slice::<serde_json::Value>(&out).unwrap();
}

proptest! {
    #[test]
    fn decimals_are_written_as_the_scale_writes_them(units: i128, small: i64, scale in 0u8..=24) {
        for units in [units / 2, i128::from(small)] {
            let mut out = Vec::new();
            Writer::new(&mut out).decimal(units, Scale(scale));
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("\"{}\"", Scale(scale).text(units)));
        }
    }

    #[test]
    fn any_text_comes_back_from_a_json_parser(text: String) {
        let mut out = Vec::new();
        Writer::new(&mut out).text(&text);
        prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text: String) {
        let _ = Reader::new().read(&text);
    }

    #[test]
    fn no_request_makes_the_reader_panic(text in "[{}\\[\\]:,\"\\\\u0-9a-e.+ -]{0,60}") {
        let params = format!(r#"{{"id":1,"method":"m","params":{{"a":{text}}}}}"#);
        for text in [&text, &params] {
            if let Ok(message) = Reader::new().read(text) {
                let values: Vec<_> = message.params.iter().collect();
                let _ = signed_form(None, values.iter().map(|(k, v)| (*k, v.as_written())), &mut Vec::new());
            }
        }
    }
}
