/** Adds an upstream, or changes one. What is left as it was is not sent. */
import { Checkbox, PasswordInput, Select, SimpleGrid, Stack, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { Upstream } from '../../api/upstreams.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { upstreamPath } from '../api/upstreams.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { Failure } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { givenText, textOf, wordsOf } from './form-text.ts'

interface Filled {
  readonly form: FormData
  readonly referrersFrom: string | null
}

export function UpstreamDialog(o: {
  /** Null: shared. */
  readonly owner: string | null
  /** Undefined: a new one. */
  readonly upstream?: Upstream
  /** Others that attestations may come from. */
  readonly others: readonly string[]
  readonly onClose: () => void
  readonly onDone: (name: string) => void
}) {
  const { text } = useSpeech()
  const { upstream, owner } = o
  const [referrersFrom, setReferrersFrom] = useState(upstream?.referrersFrom ?? null)
  const save = useChange(
    async (filled: Filled) => {
      if (upstream === undefined) {
        await request('POST', '/upstreams', { body: newUpstream(filled, owner) })
        return textOf(filled.form, 'name')
      }
      const query = { organization: owner ?? undefined }
      await request('PATCH', upstreamPath(upstream.name), { query, body: changeOf(filled, upstream) })
      return upstream.name
    },
    (name) => {
      o.onClose()
      o.onDone(name)
    },
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    save.mutate({ form: new FormData(event.currentTarget), referrersFrom })
  }
  return (
    <Dialog
      title={upstream === undefined ? text.upstreams.add : text.upstreams.editTitle(upstream.name)}
      size="lg"
      onClose={o.onClose}
    >
      <form onSubmit={submit}>
        <Stack>
          {upstream === undefined ? (
            <TextInput
              name="name"
              label={text.upstreams.name}
              description={text.upstreams.nameHelp}
              required
              autoComplete="off"
              data-autofocus
            />
          ) : null}
          <TextInput
            name="url"
            label={text.upstreams.url}
            description={text.upstreams.urlHelp}
            defaultValue={upstream?.url ?? ''}
            required
            autoComplete="off"
            spellCheck={false}
          />
          <LoginFields upstream={upstream} />
          <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="md">
            <TextInput
              name="prefix"
              label={text.upstreams.prefix}
              description={text.upstreams.prefixHelp}
              inputWrapperOrder={['label', 'input', 'description', 'error']}
              defaultValue={upstream?.prefix ?? ''}
              autoComplete="off"
            />
            <Select
              label={text.upstreams.referrersFrom}
              placeholder={text.upstreams.itself}
              data={[...o.others]}
              value={referrersFrom}
              onChange={setReferrersFrom}
              clearable
            />
          </SimpleGrid>
          <TextInput
            name="maxRate"
            label={text.upstreams.maxRate}
            description={text.upstreams.maxRateHelp}
            defaultValue={upstream?.isMaxRateSet ? upstream.maxRate.join(' ') : ''}
            autoComplete="off"
          />
          <Textarea
            name="ca"
            label={text.upstreams.ca}
            description={text.upstreams.caHelp}
            defaultValue={upstream?.ca ?? ''}
            autosize
            minRows={1}
            maxRows={6}
            spellCheck={false}
          />
          <Checkbox name="plainHttp" label={text.upstreams.plainHttp} defaultChecked={upstream?.plainHttp ?? false} />
          <Checkbox name="check" label={text.upstreams.check} defaultChecked />
          {save.isError ? <Failure error={save.error} /> : null}
          <DialogButtons
            action={upstream === undefined ? text.upstreams.add : text.upstreams.save}
            isPending={save.isPending}
            onCancel={o.onClose}
          />
        </Stack>
      </form>
    </Dialog>
  )
}

function LoginFields({ upstream }: { readonly upstream: Upstream | undefined }) {
  const { text } = useSpeech()
  const [isForgotten, setForgotten] = useState(false)
  const hasLogin = upstream !== undefined && upstream.username !== null
  return (
    <>
      <SimpleGrid cols={{ base: 1, xs: 2 }} verticalSpacing="md">
        <TextInput
          name="username"
          label={text.upstreams.username}
          defaultValue={upstream?.username ?? ''}
          disabled={isForgotten}
          autoComplete="off"
        />
        <PasswordInput
          name="password"
          label={text.upstreams.password}
          description={hasLogin ? text.upstreams.passwordStays : text.upstreams.passwordHelp}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          disabled={isForgotten}
          autoComplete="new-password"
        />
      </SimpleGrid>
      {hasLogin ? (
        <Checkbox
          name="forget"
          label={text.upstreams.forget}
          checked={isForgotten}
          onChange={(event) => setForgotten(event.currentTarget.checked)}
        />
      ) : null}
    </>
  )
}

function newUpstream({ form, referrersFrom }: Filled, organization: string | null): Record<string, unknown> {
  const rates = wordsOf(form, 'maxRate')
  return {
    name: textOf(form, 'name'),
    url: textOf(form, 'url'),
    organization,
    username: givenText(form, 'username'),
    password: givenText(form, 'password'),
    ca: givenText(form, 'ca'),
    prefix: givenText(form, 'prefix'),
    referrersFrom: referrersFrom ?? undefined,
    maxRate: rates.length === 0 ? undefined : rates,
    plainHttp: form.get('plainHttp') !== null,
    check: form.get('check') !== null,
  }
}

/** A user name alone does not go: the server says that its password is wanted. */
function changeOf({ form, referrersFrom }: Filled, before: Upstream): Record<string, unknown> {
  const other = <T,>(value: T, was: T) => (value === was ? undefined : value)
  const rates = wordsOf(form, 'maxRate')
  const password = givenText(form, 'password')
  const username = givenText(form, 'username')
  const login =
    form.get('forget') !== null
      ? { password: null }
      : { password, username: password === undefined ? other(username, before.username ?? undefined) : username }
  const ratesWere = before.isMaxRateSet ? before.maxRate.join(' ') : ''
  return {
    // Also where it is the one of before: then it is looked at again.
    url: textOf(form, 'url'),
    ...login,
    ca: other(givenText(form, 'ca') ?? null, before.ca),
    prefix: other(textOf(form, 'prefix'), before.prefix),
    referrersFrom: other(referrersFrom, before.referrersFrom),
    maxRate: rates.join(' ') === ratesWere ? undefined : rates.length === 0 ? null : rates,
    plainHttp: other(form.get('plainHttp') !== null, before.plainHttp),
    check: form.get('check') !== null,
  }
}
