# Writes OUTPUT, a C source with the bytes of FILES (see src/config/config_builtin.h). FILES is separated by commas.
#   cmake -D FILES=a.yaml,b.yaml -D OUTPUT=config_builtin.c -P embed.cmake
string(REPLACE "," ";" files "${FILES}")
set(arrays "")
set(entries "")
foreach(file IN LISTS files)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND arrays "static const unsigned char ${name}[] = {${bytes}};\n")
  string(APPEND entries "    {\"${name}\", ${name}, sizeof ${name}},\n")
endforeach()
file(WRITE ${OUTPUT} "#include \"src/config/config_builtin.h\"

${arrays}
const psac_builtin_file psac_builtin_files[] = {
${entries}    {NULL, NULL, 0},
};
")
