"""Admission: what may wait for a version and for how long, what goes next, and what is refused.

    admission_queue ─▶ fair_queue     whose turn it is, and who is shed: by tenant, key, connection
                    ├▶ in_flight      how many texts may be at the model server, by `aimd`'s limit
                    ├▶ call_size      what one call may cost, by what calls took (`service_times`)
                    ├▶ arrivals       who asks now and then, and who keeps asking
                    └▶ queue_meters   what is measured of the queue

`cost` estimates what a text costs, `queue_limits` are the settings of a version's queue, and
`retry_after` says when to come again. All but `admission_queue` and `queue_meters` is pure: clocks
are passed in.
"""
