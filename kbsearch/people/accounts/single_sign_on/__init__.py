"""Coming in with somebody else's word: an OpenID Connect provider, or the vendor's application.

`openid` and `handovers` say who comes in; both need the packages of the extra [sso], so that
only a site whose settings ask for them imports them.
"""
