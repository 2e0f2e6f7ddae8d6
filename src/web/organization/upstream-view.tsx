/** One upstream: what it is, what is left of its budget, who tells us of pushes, and what reads from it. */
import { Anchor, Button, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ArrowLeftIcon } from '@primer/octicons-react'
import type { Mirror } from '../../api/mirrors.ts'
import type { Upstream, UpstreamCheck } from '../../api/upstreams.ts'
import { useChange } from '../api/client.ts'
import { request } from '../api/request.ts'
import { upstreamPath, useUpstream } from '../api/upstreams.ts'
import { Confirm } from '../shell/dialog.tsx'
import { Facts } from '../shell/facts.tsx'
import { LongTable } from '../shell/long-table.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { State } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { Login } from './login.tsx'
import { UpstreamBudget } from './upstream-budget.tsx'
import { UpstreamDialog } from './upstream-dialog.tsx'
import { UpstreamHook } from './upstream-hook.tsx'

export function UpstreamView(o: {
  readonly upstream: Upstream
  readonly others: readonly string[]
  readonly mayManage: boolean
  readonly mirrors: readonly Mirror[] | undefined
  readonly onBack: () => Promise<void>
}) {
  const { text } = useSpeech()
  const { upstream, mirrors } = o
  return (
    <Stack>
      <Group justify="space-between" align="flex-start">
        <div>
          <Anchor component="button" type="button" size="sm" onClick={() => void o.onBack()}>
            <Group gap={4} component="span">
              <ArrowLeftIcon aria-hidden="true" />
              {text.upstreams.back}
            </Group>
          </Anchor>
          <Title order={2} size="h4">
            {upstream.name}
          </Title>
        </div>
        {o.mayManage ? <Actions {...o} /> : null}
      </Group>
      {o.mayManage ? null : (
        <MayNot>{upstream.organization === null ? text.upstreams.sharedMayNot : text.upstreams.mayNot}</MayNot>
      )}
      <Section title={upstream.url}>
        <UpstreamFacts upstream={upstream} isOwn={o.mayManage} />
      </Section>
      {o.mayManage ? <Managed upstream={upstream} /> : null}
      {mirrors === undefined ? null : (
        <Section title={text.upstreams.mirrors}>
          {mirrors.length === 0 ? (
            <Text size="sm" c="dimmed">
              {text.upstreams.noMirrors}
            </Text>
          ) : (
            <LongTable
              items={mirrors}
              keyOf={({ id }) => id}
              row={(mirror) => (
                <>
                  <Table.Td>
                    <RepositoryLink name={mirror.repository} tab="mirror" isShort />
                  </Table.Td>
                  <Table.Td>{mirror.source.repository}</Table.Td>
                  <Table.Td ta="right">
                    <State state={mirror.state} />
                  </Table.Td>
                </>
              )}
            />
          )}
        </Section>
      )}
    </Stack>
  )
}

function UpstreamFacts({ upstream, isOwn }: { readonly upstream: Upstream; readonly isOwn: boolean }) {
  const { text, said } = useSpeech()
  const { facts } = text.upstreams
  const { maxRate, ceilings } = upstream
  const documented = ceilings.map(({ rate, counts }) => `${rate} ${said?.kinds[counts] ?? counts}`).join(', ')
  const limit =
    maxRate.length > 0
      ? maxRate.join(', ')
      : documented === ''
        ? text.upstreams.none
        : text.upstreams.documented(documented)
  return (
    <Facts
      cols={{ base: 2, sm: 3, lg: 4 }}
      facts={[
        [facts.login, <Login key="login" upstream={upstream} isOwn={isOwn} />],
        [facts.prefix, upstream.prefix === '' ? text.upstreams.none : upstream.prefix],
        [facts.referrers, upstream.referrersFrom ?? text.upstreams.itself],
        [facts.limit, limit],
        ...(isOwn
          ? [[facts.certificates, upstream.ca === null ? text.upstreams.no : text.upstreams.yes] as const]
          : []),
        [facts.plainHttp, upstream.plainHttp ? text.upstreams.yes : text.upstreams.no],
        [facts.made, <Time key="made" at={upstream.createdAt} />],
      ]}
    />
  )
}

/** What only those see who manage it. */
function Managed({ upstream }: { readonly upstream: Upstream }) {
  const shown = useUpstream(upstream.name, upstream.organization)
  if (shown.isError) return <Failure error={shown.error} retry={() => void shown.refetch()} />
  if (shown.data === undefined) return <Rows count={3} />
  return (
    <>
      <UpstreamBudget budget={shown.data.budget} />
      <UpstreamHook upstream={upstream} madeAt={shown.data.hook?.createdAt} />
    </>
  )
}

function Actions(o: {
  readonly upstream: Upstream
  readonly others: readonly string[]
  readonly mirrors: readonly Mirror[] | undefined
  readonly onBack: () => Promise<void>
}) {
  const { text } = useSpeech()
  const tell = useTell()
  const { name, organization, url } = o.upstream
  const query = { organization: organization ?? undefined }
  const test = useChange(
    () => request<{ check: UpstreamCheck | null }>('PATCH', upstreamPath(name), { query, body: { url, check: true } }),
    ({ check }) => {
      if (check !== null) tell(`${text.upstreams.tested[check.login]} ${text.upstreams.catalog[check.catalog]}`)
    },
  )
  const remove = useChange(async () => {
    await request('DELETE', upstreamPath(name), { query })
    // Away first: what is gone is not to be asked for again.
    await o.onBack()
  })
  const [isEditing, editing] = useDisclosure()
  const [isRemoving, removing] = useDisclosure()
  const readers = o.mirrors?.length ?? 0
  return (
    <Stack gap="xs" align="flex-end">
      <Group gap="xs">
        <Button variant="default" loading={test.isPending} onClick={() => test.mutate(undefined)}>
          {text.upstreams.test}
        </Button>
        <Button variant="default" onClick={editing.open}>
          {text.upstreams.edit}
        </Button>
        <Button variant="default" onClick={removing.open}>
          {text.upstreams.remove}
        </Button>
      </Group>
      {test.isError ? <Failure error={test.error} /> : null}
      {isEditing ? (
        <UpstreamDialog
          owner={organization}
          upstream={o.upstream}
          others={o.others}
          onClose={editing.close}
          onDone={() => tell(text.upstreams.saved)}
        />
      ) : null}
      {isRemoving ? (
        <Confirm
          title={text.upstreams.removeTitle(name)}
          action={text.upstreams.remove}
          name={name}
          isDisabled={readers > 0}
          change={remove}
          onClose={removing.close}
        >
          {readers > 0 ? text.upstreams.cannotRemove(readers) : text.upstreams.removeLead}
        </Confirm>
      ) : null}
    </Stack>
  )
}
