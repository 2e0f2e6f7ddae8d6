/** Subscribes to an upstream, with what that takes before it is done. */
import { Select, Stack } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Subscription } from '../../api/subscriptions.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { useUpstreams } from '../api/upstreams.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { globsOf, Preview, type Takes, TakesFields } from './subscription-takes.tsx'

export function SubscribeDialog(o: {
  readonly organization: string
  readonly onClose: () => void
  readonly onDone: (id: string) => void
}) {
  const { text } = useSpeech()
  const tell = useTell()
  const upstreams = useUpstreams(o.organization)
  const [chosen, setUpstream] = useState<string | null>(null)
  const [taken, setTaken] = useState<Takes>({ match: '', except: '', adopt: false })
  const upstream = chosen ?? upstreams.data?.[0]?.name ?? null
  const body = { organization: o.organization, upstream, ...globsOf(taken) }
  const begin = useChange(
    () => request<{ subscription: Subscription }>('POST', '/subscriptions', { body }),
    ({ subscription }) => {
      tell(text.subscriptions.begun)
      o.onClose()
      o.onDone(subscription.id)
    },
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    begin.mutate(undefined)
  }
  return (
    <Dialog title={text.subscriptions.create} size="lg" onClose={o.onClose}>
      <form onSubmit={submit}>
        <Stack>
          <Select
            label={text.subscriptions.upstream}
            data={(upstreams.data ?? []).map(({ name }) => name)}
            value={upstream}
            onChange={setUpstream}
            allowDeselect={false}
            required
          />
          <TakesFields value={taken} onChange={setTaken} />
          <Preview body={body} isDisabled={upstream === null} />
          {begin.isError ? <Failure error={begin.error} /> : null}
          <DialogButtons
            action={text.subscriptions.begin}
            isPending={begin.isPending}
            isDisabled={upstream === null}
            onCancel={o.onClose}
          />
        </Stack>
      </form>
    </Dialog>
  )
}
