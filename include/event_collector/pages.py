"""The pages behind links in mails: at most one button, no script, no cookie, nothing loaded from elsewhere."""

_FRAME = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<style>
body {{ margin:0; min-height:100vh; display:grid; place-items:center; background:#f4f6f9; color:#17202e;
  font:17px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; }}
main {{ box-sizing:border-box; width:min(440px,calc(100vw - 32px)); background:#fff;
  border:1px solid #e3e7ee; border-radius:16px; padding:40px 36px; text-align:center; }}
svg {{ display:block; margin:0 auto 20px; }}
h1 {{ font-size:23px; line-height:1.3; margin:0 0 10px; letter-spacing:-.01em; }}
p {{ margin:0; color:#5c6879; }}
button {{ margin-top:26px; width:100%; font:inherit; font-weight:600; color:#fff; background:#2657d8;
  border:0; border-radius:10px; padding:13px; cursor:pointer; }}
button:hover {{ background:#1e48b8; }}
button:focus-visible {{ outline:3px solid #9db7f5; outline-offset:2px; }}
</style>
</head>
<body><main>{main}</main></body>
</html>
"""

_ENVELOPE = """<svg width="52" height="52" viewBox="0 0 52 52" aria-hidden="true">\
<circle cx="26" cy="26" r="26" fill="#e6edfd"/>\
<path d="M14 18h24v17H14z" fill="none" stroke="#2657d8" stroke-width="2.4" \
stroke-linejoin="round"/><path d="m15 19 11 9 11-9" fill="none" stroke="#2657d8" stroke-width="2.4"/></svg>"""
_TICK = """<svg width="52" height="52" viewBox="0 0 52 52" aria-hidden="true">\
<circle cx="26" cy="26" r="26" fill="#e2f5ec"/>\
<path d="m16 27 7 7 14-15" fill="none" stroke="#12704a" stroke-width="3" \
stroke-linecap="round" stroke-linejoin="round"/></svg>"""

_CHAIN = """<svg width="52" height="52" viewBox="0 0 52 52" aria-hidden="true">\
<circle cx="26" cy="26" r="26" fill="#fbeedd"/>\
<path d="M24 21h-6a5 5 0 0 0 0 10h6M28 21h6a5 5 0 0 1 0 10h-6" fill="none" stroke="#8a4b12" stroke-width="2.6" \
stroke-linecap="round"/></svg>"""

ASK = _FRAME.format(
    title="Unsubscribe",
    main=f"""{_ENVELOPE}<h1>Stop these e-mails?</h1>
<p>You will no longer receive this kind of mail from us. Others that you asked for still come.</p>
<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Unsubscribe</button></form>""",
)
DONE = _FRAME.format(
    title="Unsubscribed",
    main=f"""{_TICK}<h1>You are unsubscribed</h1>
<p>It takes effect before the next mail is sent. You can close this page.</p>""",
)
UNREADABLE = _FRAME.format(
    title="This link does not work",
    main=f"""{_CHAIN}<h1>We cannot read this link</h1>
<p>It may be cut off, or come from a mail whose links have ended. Nothing was changed. Please use the link at the end of
our newest mail to you. If that fails as well, answer the mail, and a person will take you off the list.</p>""",
)
NOT_STORED = _FRAME.format(
    title="Please try again",
    main=f"""{_CHAIN}<h1>That did not work</h1>
<p>We could not note it down just now, so you are not unsubscribed yet. Please try again in a minute.</p>
<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
<button>Try again</button></form>""",
)
