/** The server itself, for those who operate it. */
import { Tabs } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useProfile } from '../api/profile.ts'
import { AuditSection } from '../organization/audit-section.tsx'
import { SharedUpstreamsSection } from '../organization/upstreams-section.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Page } from '../shell/parts.tsx'
import { useSpeech } from '../text/language.tsx'
import { HealthTab } from './health-tab.tsx'
import { IdentityTab } from './identity-tab.tsx'
import { OPERATOR_TABS, type OperatorTab } from './operator-search.ts'
import { OrganizationsTab } from './organizations-tab.tsx'
import { SettingsTab } from './settings-tab.tsx'
import { UsersTab } from './users-tab.tsx'

export function OperatorPage() {
  const { text } = useSpeech()
  const isOperator = useProfile().data?.operator === true
  return (
    <Page title={text.operator.title} lead={text.operator.lead}>
      {isOperator ? <OperatorTabs /> : <MayNot>{text.operator.mayNot}</MayNot>}
    </Page>
  )
}

function OperatorTabs() {
  const { text } = useSpeech()
  const { tab = 'health', of, q, ...filter } = useSearch({ from: '/within/operator' })
  const navigate = useNavigate({ from: '/operator' })
  return (
    <Tabs
      value={tab}
      onChange={(chosen) => void navigate({ search: { tab: chosen as OperatorTab } })}
      keepMounted={false}
    >
      <Tabs.List mb="md">
        {OPERATOR_TABS.map((one) => (
          <Tabs.Tab key={one} value={one}>
            {text.operator.tabs[one]}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="health">
        <HealthTab />
      </Tabs.Panel>
      <Tabs.Panel value="organizations">
        <OrganizationsTab />
      </Tabs.Panel>
      <Tabs.Panel value="users">
        <UsersTab
          wanted={q ?? ''}
          onWant={(next) => void navigate({ search: { tab, ...(next === '' ? {} : { q: next }) }, replace: true })}
        />
      </Tabs.Panel>
      <Tabs.Panel value="upstreams">
        <SharedUpstreamsSection
          mayManage
          of={of}
          lookAt={(name) => navigate({ search: { tab, ...(name === undefined ? {} : { of: name }) } })}
        />
      </Tabs.Panel>
      <Tabs.Panel value="identity">
        <IdentityTab />
      </Tabs.Panel>
      <Tabs.Panel value="settings">
        <SettingsTab />
      </Tabs.Panel>
      <Tabs.Panel value="audit">
        <AuditSection
          organization={null}
          mayRead
          filter={filter}
          onFilter={(next) => void navigate({ search: { tab, ...next }, replace: true })}
        />
      </Tabs.Panel>
    </Tabs>
  )
}
