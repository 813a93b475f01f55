"""Coming in with somebody else's word: an identity provider, or the vendor's application.

`arrivals` and `handovers` say who comes in; both need the packages of the extra [sso], and `saml`
those of [saml], so that only a site whose settings ask for them imports them.
"""
