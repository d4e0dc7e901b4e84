global using NativeLink.Actors.Posix;
global using NativeLink.Actors.Protocol;
