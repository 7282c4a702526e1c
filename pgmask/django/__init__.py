"""A Django database engine that says who is asking: ``ENGINE: "pgmask.django"``.

An application keeps its models and its queries; the engine sends the identity of whoever acts
(``pgmask.acting_as``, ``pgmask.django.middleware.PgmaskMiddleware``) with the first statement of
each transaction, and with every statement in autocommit. ``docs/tutorial/start-django.md`` is the
start; each module says its part:

``base`` the engine · ``cursors`` where statements pass · ``identity`` whose transaction it is ·
``middleware`` the person of a request · ``retry`` repeating after 40001 · ``schema`` migrations ·
``checks`` what settings lack · ``testing`` tests of an application
"""
