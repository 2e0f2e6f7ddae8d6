/** Starts a mirror: where to, what of it, how often; with what it will copy before it is started. */
import { Checkbox, Select, Stack, Textarea, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import { useChange } from '../api/client.ts'
import { useMirrors } from '../api/mirrors.ts'
import { useOrganizations } from '../api/organizations.ts'
import { useRepositories } from '../api/repositories.ts'
import { ApiError, request } from '../api/request.ts'
import { useUpstreams } from '../api/upstreams.ts'
import { useManagesMirrors } from '../api/use-manages-mirrors.ts'
import { Dialog, DialogButtons } from '../shell/dialog.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { StartAgain } from './start-again.tsx'
import { PlanSummary, useStartPlan, type Wanted } from './start-plan.tsx'

const READABLE = { color: 'var(--mantine-color-text)' }

interface Source {
  readonly upstream: string
  readonly repository: string
}

export function StartDialog(
  o: Source & {
    readonly organization: string
    readonly onClose: () => void
  },
) {
  const { text } = useSpeech()
  const organizations = useOrganizations()
  const [organization, setOrganization] = useState(o.organization)
  const mayStart = useManagesMirrors(organization)
  return (
    <Dialog title={text.start.title(`${o.upstream}/${o.repository}`)} size="lg" onClose={o.onClose}>
      <Stack>
        <Select
          label={text.start.organization}
          data={(organizations.data ?? []).map((one) => one.name)}
          value={organization}
          onChange={(chosen) => chosen !== null && setOrganization(chosen)}
          allowDeselect={false}
        />
        {mayStart === undefined ? <Rows count={4} /> : null}
        {mayStart === false ? <MayNot>{text.entry.mayNot(organization)}</MayNot> : null}
        {mayStart === true ? <StartForm key={organization} {...o} organization={organization} /> : null}
      </Stack>
    </Dialog>
  )
}

/** What is in the way of a name, and what the same source was mirrored into before. */
function useNamesTaken(organization: string, source: Source) {
  const repositories = useRepositories(organization)
  const mirrors = useMirrors(organization)
  const all = mirrors.data?.items ?? []
  const names = new Set(
    [...(repositories.data?.items ?? []), ...all.map((one) => ({ name: one.repository }))].map(({ name }) => name),
  )
  const stateOf = new Map(all.map((one) => [one.repository, one.state]))
  return {
    isKnown: !repositories.isPending && !mirrors.isPending,
    has: (name: string) => names.has(`${organization}/${name}`),
    isMirror: (name: string) => stateOf.has(`${organization}/${name}`),
    stopped: all
      .filter(({ state }) => state === 'stopped')
      .filter((one) => one.source.upstream === source.upstream && one.source.repository === source.repository)
      .map(({ repository }) => repository),
  }
}

function StartForm(o: Source & { readonly organization: string; readonly onClose: () => void }) {
  const { text } = useSpeech()
  const navigate = useNavigate()
  const { organization, upstream, repository } = o
  const taken = useNamesTaken(organization, o)
  const upstreams = useUpstreams(organization)
  const prefix = upstreams.data?.find((one) => one.name === upstream)?.prefix ?? ''
  const [typedName, setName] = useState<string>()
  const [isAdopting, setAdopting] = useState(false)
  const [tags, setTags] = useState('')
  const [every, setEvery] = useState<keyof typeof text.start.intervals>('15m')
  const name = typedName ?? freeName(`${prefix}${repository.replaceAll('/', '-')}`, taken.has)
  const isThere = taken.has(name)
  const mayAdopt = isThere && !taken.isMirror(name)
  const isFree = name !== '' && (!isThere || (mayAdopt && isAdopting))
  const globs = tags.split(/\s+/).filter(Boolean)
  const wanted: Wanted = {
    organization,
    upstream,
    repository,
    as: name,
    adopt: mayAdopt && isAdopting,
    settings: { schedule: { every }, ...(globs.length === 0 ? {} : { selection: { tags: globs } }) },
  }
  const plan = useStartPlan(wanted, taken.isKnown && !upstreams.isPending && isFree)
  const start = useChange(() => request<{ mirror: Mirror }>('POST', '/mirrors', { body: wanted }))
  // What was wrong with the plan is wrong with the start as well.
  const error = isFree ? (plan.error ?? start.error) : null
  const isRefused = plan.error instanceof ApiError && plan.error.status >= 400 && plan.error.status < 500
  const submit = (event: FormEvent) => {
    event.preventDefault()
    start.mutate(undefined, {
      onSuccess: () =>
        void navigate({
          to: '/o/$organization/repository/$',
          params: { organization, _splat: name },
          search: { tab: 'mirror' },
        }),
    })
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        {taken.stopped.map((one) => (
          <StartAgain key={one} name={one} />
        ))}
        <TextInput
          label={text.start.name}
          description={isThere ? null : text.start.nameHelp}
          inputWrapperOrder={['label', 'input', 'description', 'error']}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={isThere && !isFree ? text.start.taken(`${organization}/${name}`) : null}
          // Mantine's red is too pale for what one reads.
          styles={{ input: READABLE, error: READABLE }}
          required
          data-autofocus
        />
        {mayAdopt ? (
          <Checkbox
            label={text.start.adopt}
            checked={isAdopting}
            onChange={(event) => setAdopting(event.currentTarget.checked)}
          />
        ) : null}
        <Textarea
          label={text.start.tags}
          description={text.start.tagsHelp}
          value={tags}
          onChange={(event) => setTags(event.currentTarget.value)}
          autosize
          minRows={1}
          maxRows={6}
        />
        <Select
          label={text.start.every}
          data={Object.entries(text.start.intervals).map(([value, label]) => ({ value, label }))}
          value={every}
          onChange={(chosen) => setEvery((chosen ?? '15m') as typeof every)}
          allowDeselect={false}
        />
        {isFree && error === null ? <PlanSummary plan={plan.data} /> : null}
        {error === null ? null : <Failure error={error} />}
        <DialogButtons
          action={text.start.submit}
          isPending={start.isPending}
          isDisabled={!isFree || isRefused}
          onCancel={o.onClose}
        />
      </Stack>
    </form>
  )
}

/** Another name where this one is there already: `dhi-node-2`. */
function freeName(name: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(name)) return name
  let number = 2
  while (isTaken(`${name}-${number}`)) number++
  return `${name}-${number}`
}
