"""Admission: what may wait for a version and for how long, what goes next, and what is refused.

    admission_queue ─▶ fair_queue     whose turn it is, and who is shed (`heaviest`): by tenant,
                    │                 key, connection and request: a `flow` of items `submitted`
                    ├▶ in_flight      how many texts may be at the model server, by `aimd`'s limit
                    ├▶ call_size      what one call may cost, by what calls took (`service_times`)
                    ├▶ arrivals       who asks now and then, and who keeps asking: who is `welcome`
                    └▶ observer       who is told of changes: `queue_meters`

`cost` estimates what a text costs, `queue_limits` are the settings of a version's queue, `refusals`
says why something is shed, and `retry_after` when to come again. What decides is pure: clocks are
passed in.
"""
