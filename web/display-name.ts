/** How the page writes a user's id, where that is a name: with a capital. */
export function displayName(user: string): string {
  return user.charAt(0).toUpperCase() + user.slice(1)
}
