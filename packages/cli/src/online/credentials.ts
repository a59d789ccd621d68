import type { ClientOptions } from "@quorate/client";
import type { CommandContext } from "../frame/context.ts";

/** Name and password, or a token; asks for the password where it is not given. CLI page, A1.2. */
export async function credentialsFromFlags(context: CommandContext): Promise<Pick<ClientOptions, "user" | "token">> {
  const token = context.flags.string("auth-jwt-token");
  if (token !== "") return { token };
  return await login(context, {
    user: context.flags.string("user"),
    password: context.flags.string("password"),
    prompt: "Password: ",
  });
}

/** `user` is `name` or, without a password beside it, `name:password`; empty for nobody. */
export async function login(
  context: CommandContext,
  given: { readonly user: string; readonly password: string; readonly prompt: string },
): Promise<Pick<ClientOptions, "user">> {
  if (given.user === "") return {};
  if (given.password !== "") return { user: { name: given.user, password: given.password } };
  const at = given.user.indexOf(":");
  const [name, password] =
    at < 0 ? [given.user, await context.askSecret(given.prompt)] : [given.user.slice(0, at), given.user.slice(at + 1)];
  // Go's client does not log in without both.
  return name === "" || password === "" ? {} : { user: { name, password } };
}
