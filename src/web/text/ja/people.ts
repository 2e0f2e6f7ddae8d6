import type { Text } from '../en/index.ts'

export const people: Text['people'] = {
  title: 'メンバー',
  lead: '組織にいる人と、その役割。',
  columns: { name: 'ユーザー', role: '役割', since: '参加' },
  roles: { owner: 'オーナー', editor: '編集者', member: 'メンバー' },
  roleHelp: 'オーナーはすべて、編集者はすべてのリポジトリへのプッシュと管理、メンバーはプルができます。',
  roleOf: (name) => `${name} の役割`,
  changed: '変更しました。',
  remove: '外す',
  removeTitle: (name) => `${name} を外しますか?`,
  removeLead: '次のリクエストからここでの権限を失います。アカウントは残ります。',
  invitations: '招待',
  invite: '招待する',
  inviteLead: '7 日間、一度だけ使えるリンクです。ご自身で渡してください。',
  link: 'リンク (一度だけ表示)',
  noInvitations: '招待はありません。',
  states: { open: '有効', accepted: '使用済み', revoked: '取り消し', expired: '期限切れ', void: '無効' },
  revoke: '取り消す',
  mayNot: '招待と役割の変更はオーナーだけができます。依頼してください。',
}
