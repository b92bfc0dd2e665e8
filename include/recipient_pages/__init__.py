"""The pages behind the links in mails: unsubscribe, preferences, confirm, stay, surveys, view in browser. Public.

It reads the warehouse with a role of its own, which knows two functions by the id of a mail and no table. What people
say goes to files of answers, in the form of the event collector's; `deliver` takes them in before it claims.

Only a POST says something: programs that scan mails follow links, so a GET or HEAD shows a page and changes nothing. A
POST needs no further token against forged requests, because the signed link is the authority: a program that knows the
link may use it anyway, and one that does not cannot name the address. There is no cookie, no session and no script.

Modules: settings (environment) · reading (the two functions) · surveys (what a mail asks) · answers (lines of the
journal) · rendering (words and pages) · app (HTTP) · __main__ (command line).
"""
